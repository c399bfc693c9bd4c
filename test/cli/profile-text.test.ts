/** The text of a profile: what its lists show, and what they say of the rest. */
import { test } from 'tap';
import { profileText } from '../../src/cli/profile/text.ts';
import type { Durations, LockStat, ProfilerCost } from '../../src/profile/report.ts';

const none: Durations = { timed: 0, min: 0, max: 0, total: 0, avg: 0, p50: 0, p90: 0, p99: 0, histogram: [] };

/** A lock that was waited for in so many places, i times in the i-th and 1 us each time. */
function waitedFor(places: number): LockStat {
  const count = (i: number) => ({ contentions: i + 1, waitNs: 1000 * (i + 1) });
  const all = Array.from({ length: places }, (_, i) => i);
  return {
    class: '&md->io_lock',
    type: 'spinlock',
    mode: 'write',
    of: '',
    conBounces: 0,
    contentions: 1,
    waitNs: none,
    acqBounces: 0,
    acquisitions: 1,
    holdNs: none,
    sampled: true,
    waits: { spun: 0, parked: 0, spinNs: 0, parkNs: 0 },
    share: 1,
    sites: all.map((i) => ({ site: `wanted${i}`, ...count(i) })),
    holders: all.map((i) => ({ site: `taken${i}`, ...count(i) })),
    blame: all.map((i) => {
      const { contentions, waitNs } = count(i);
      return {
        waiter: `w${i}`,
        waiterSite: `wanted${i}`,
        holder: `h${i}`,
        holderSite: `taken${i}`,
        count: contentions,
        waitNs,
      };
    }),
  };
}

function textOf(places: number, cost: ProfilerCost | null = null): string {
  const throughput = { rounds: 1, seconds: 1, roundsPerSecond: 1, perSecond: {} };
  const report = {
    by: 'class',
    exact: false,
    locks: [waitedFor(places)],
    irqsOff: { stretches: 0, sampled: true, ns: none, longestSite: '', longestCpu: -1 },
    throughput,
    injection: null,
    cost,
    lost: { rows: 0, edges: 0, names: 0, records: 0 },
    timeline: null,
  } as const;
  return profileText({ report, finding: null, interrupted: false });
}

test('a list of places or of blame that is cut says how many lines are left out, and what they come to', async (t) => {
  const text = textOf(7);
  // Of 7 lines the last three: 5, 6 and 7.
  t.strictSame(
    text.match(/^ {2}and .*$/gm)?.map((line) => line.trim().split(/ {2,}/)),
    [
      ['and 3 more', '18', '18.00'],
      ['and 3 more', '18', '18.00'],
      ['and 3 more', '18', '18.00'],
    ],
  );
  t.match(text, /wanted3 /);
  t.notMatch(text, /wanted4 /);
});

test('a list that fits says nothing of more', async (t) => {
  t.match(textOf(4), /wanted3 /);
  t.notMatch(textOf(4), /more/);
  t.match(textOf(5), /and 1 more/);
});

test('a profile says what the profiler changes, or that no round was run without it', async (t) => {
  const work = (rounds: number, roundsPerSecond: number) => ({ rounds, seconds: 1, roundsPerSecond, perSecond: {} });
  const contentions = { with: 3.5, without: 2 };
  const text = textOf(1, { with: work(8, 90), without: work(8, 100), ratio: 0.9, contentions });
  const [head, ...rows] = text.split('\n').slice(-5);
  t.match(head, /^the same rounds +rounds +rounds\/s +spinlock waits\/round$/);
  t.match(rows[0], /^with the profiler +8 +90 +3\.5$/);
  t.match(rows[1], /^without the profiler +8 +100 +2$/);
  t.match(rows[2], /^With the profiler throughput is 90\.0 % of what it is without\.$/);
  t.match(textOf(1), 'what the profiler changes: not known, too few rounds');
  t.notMatch(text, 'not known');
});
