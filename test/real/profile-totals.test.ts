import { test } from 'tap';
import { EV_LOCK_ACQUIRED } from '../../src/machine/events.ts';
import { collect } from '../../src/profile/collect.ts';
import { makeProfileBuffers } from '../../src/profile/layout.ts';
import type { Durations, IrqsOff, LockStat, SitePoint } from '../../src/profile/report.ts';
import { lockNames } from '../../src/profile/session.ts';
import { KNOWN_HAND_OVER } from '../support/known-hand-over.ts';
import { KNOWN_HOLDER } from '../support/known-holder.ts';
import { type LockLog, lockMaps, makeLockLog } from '../support/lock-log-boot.ts';
import { BruteForce, blameKey, entriesOf, rowName, type Times, type Totals } from '../support/lock-totals.ts';
import { startMachine } from '../support/real.ts';

const BOOT_MODULE = new URL('../support/lock-log-boot.js', import.meta.url).href;
const CPUS = 3;
const SEED = 11;
/** The first round has waits for locks of all kinds; in the others it depends on who comes when. */
const rounds = (locks: number, noflush: number): readonly string[] => [
  KNOWN_HOLDER,
  KNOWN_HAND_OVER,
  ...Array.from({ length: locks }, (_, i) => `locks@${SEED}.${i}`),
  ...Array.from({ length: noflush }, (_, i) => `noflush-pushback@${SEED}.${i}`),
];

interface Run {
  readonly locks: readonly LockStat[];
  readonly irqsOff: IrqsOff;
  readonly log: LockLog;
}

async function profiled(t: Parameters<typeof startMachine>[0], exact: boolean, names: readonly string[]): Promise<Run> {
  t.comment(`seed ${SEED}`);
  const buffers = makeProfileBuffers(CPUS, { by: 'class', exact, trace: false, inject: null });
  const log = makeLockLog(buffers);
  const machine = await startMachine(t, CPUS, BOOT_MODULE, log);
  for (const [seed, scenario] of names.entries()) {
    const variant = { preset: 'unified', bug: null };
    const boot = { scenario, cpus: CPUS, variant, lock: 'tas', oracles: false };
    const { finding } = await machine.run({ boot, cpus: CPUS, noise: 'light', seed, delay: null });
    if (finding !== null) throw new Error(finding.message);
  }
  const { locks, irqsOff } = collect(buffers, lockNames(), 0);
  return { locks, irqsOff, log };
}

const logged = ({ log }: Run): BruteForce => new BruteForce(entriesOf(log), lockMaps);

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

/** Of durations all that a profile says exactly. */
function durationsOf(times: Times): object {
  if (times.length === 0) return { timed: 0, min: 0, max: 0, total: 0, avg: 0, histogram: [] };
  const bars = new Map<number, number>();
  for (const ns of times.toSorted((a, b) => a - b)) {
    const fromNs = 2 ** Math.floor(Math.log2(ns));
    bars.set(fromNs, (bars.get(fromNs) ?? 0) + 1);
  }
  const total = sum(times);
  return {
    timed: times.length,
    min: Math.min(...times),
    max: Math.max(...times),
    total,
    avg: Math.round(total / times.length),
    histogram: [...bars].map(([fromNs, count]) => ({ fromNs, count })),
  };
}

const exactly = ({ p50, p90, p99, ...exact }: Durations): object => exact;

/** Quantiles that are more than an eighth off. */
function quantileFaults(said: Durations, times: Times): string[] {
  const sorted = times.toSorted((a, b) => a - b);
  return (['p50', 'p90', 'p99'] as const).filter((name) => {
    const rank = Math.ceil((Number(name.slice(1)) / 100) * sorted.length);
    const true_ = sorted[rank - 1] ?? 0;
    return Math.abs(said[name] - true_) > true_ / 8;
  });
}

/** Contentions and waiting time by what `keyOf` gives, of a profile's row. */
function pointsOf(points: readonly SitePoint[]): object {
  return Object.fromEntries(points.map(({ site, contentions, waitNs }) => [site, [contentions, waitNs]]).sort());
}

/** The same from the log: `part` 1 is where was waited, 2 where the holder had taken the lock. */
function loggedPoints({ blame }: Totals, part: 1 | 2): object {
  const points = new Map<string, number[]>();
  for (const [key, { count, waitNs }] of blame) {
    const site = /^.+? in (.+) for (.+)$/.exec(key)?.[part] as string;
    const [counted = 0, waited = 0] = points.get(site) ?? [];
    points.set(site, [counted + count, waited + waitNs]);
  }
  return Object.fromEntries([...points].sort());
}

/** A profile's edges without the names of holders. */
function edgesOf({ blame }: LockStat): object {
  const edges = new Map<string, number[]>();
  for (const { waiter, waiterSite, holderSite, count, waitNs } of blame) {
    const key = blameKey(waiter, waiterSite, holderSite);
    const [counted = 0, waited = 0] = edges.get(key) ?? [];
    edges.set(key, [counted + count, waited + waitNs]);
  }
  return Object.fromEntries([...edges].sort());
}

const loggedEdges = ({ blame }: Totals): object =>
  Object.fromEntries([...blame].map(([key, { count, waitNs }]) => [key, [count, waitNs]]).sort());

/** All numbers of a row, as the profile says them and as the log does. */
const saidOf = (lock: LockStat): object => ({
  acquisitions: lock.acquisitions,
  contentions: lock.contentions,
  acqBounces: lock.acqBounces,
  conBounces: lock.conBounces,
  wait: exactly(lock.waitNs),
  waits: lock.waits,
  sites: pointsOf(lock.sites),
  holders: pointsOf(lock.holders),
  blame: edgesOf(lock),
});

const expectedOf = (row: Totals): object => ({
  acquisitions: row.acquisitions,
  contentions: row.contentions,
  acqBounces: row.acqBounces,
  conBounces: row.conBounces,
  wait: durationsOf(row.waits),
  waits: {
    spun: row.waits.length - row.parked,
    parked: row.parked,
    spinNs: sum(row.waits) - row.parkNs,
    parkNs: row.parkNs,
  },
  sites: loggedPoints(row, 1),
  holders: loggedPoints(row, 2),
  blame: loggedEdges(row),
});

/** Holders whom the log knows and the profile blames less often. */
function unblamed(lock: LockStat, { blame }: Totals): string[] {
  const faults: string[] = [];
  for (const [key, { holders }] of blame)
    for (const [holder, count] of holders) {
      const edge = lock.blame.find(
        (each) => each.holder === holder && blameKey(each.waiter, each.waiterSite, each.holderSite) === key,
      );
      if ((edge?.count ?? 0) < count) faults.push(`${key} by ${holder}: ${edge?.count} of ${count}`);
    }
  return faults;
}

/** Those who are blamed with a place where they never took the lock, in either mode. */
function neverThere({ class: name, type, blame }: LockStat, rows: ReadonlyMap<string, Totals>): string[] {
  const took = [true, false].flatMap((exclusive) => [...(rows.get(rowName(name, type, exclusive))?.takers ?? [])]);
  const blamed = blame.map(({ holder, holderSite }) => `${holder} in ${holderSite}`);
  return blamed.filter((each) => each !== '? in ?' && !took.includes(each));
}

/** The totals of a log that lacks an acquisition. */
function withoutOne({ log }: Run, place: number): Totals[] {
  const entries = entriesOf(log);
  const at = entries.findIndex(({ kind }, i) => kind === EV_LOCK_ACQUIRED && i > place * entries.length);
  return [...new BruteForce(entries.toSpliced(at, 1), lockMaps).rows.values()];
}

test('with --exact all that a profile says is what a log of all lock events says', async (t) => {
  const run = await profiled(t, true, rounds(24, 10));
  const { rows, irqs, betweenRuns } = logged(run);
  t.ok(betweenRuns >= 3, `${betweenRuns} contentions for a lock whose new owner had not run yet`);
  t.comment(`${rows.size} rows, ${entriesOf(run.log).length} hooks`);
  t.equal(run.locks.length, rows.size);
  for (const type of ['spinlock', 'rwlock', 'rw-semaphore', 'semaphore', 'mutex'] as const)
    t.ok(
      run.locks.some((lock) => lock.type === type && lock.contentions > 0),
      `a ${type} was waited for`,
    );
  for (const lock of run.locks) {
    const name = rowName(lock.class, lock.type, lock.mode === 'write');
    const row = rows.get(name) as Totals;
    t.strictSame(saidOf(lock), expectedOf(row), name);
    t.strictSame(exactly(lock.holdNs), durationsOf(row.holds), `${name}: holds`);
    t.strictSame([...quantileFaults(lock.waitNs, row.waits), ...quantileFaults(lock.holdNs, row.holds)], []);
    t.strictSame(unblamed(lock, row), [], `${name}: who had it`);
    t.strictSame(neverThere(lock, rows), [], `${name}: who had it took it there`);
    t.notOk(lock.sampled);
  }
  const { stretches, sampled, ns, longestSite, longestCpu } = run.irqsOff;
  t.strictSame([stretches, sampled, exactly(ns)], [irqs.stretches, false, durationsOf(irqs.ns)]);
  const longest = irqs.where.filter((_, i) => irqs.ns[i] === ns.max);
  t.ok(longest.includes(`${longestSite} on ${longestCpu}`), `interrupts were off for longest in ${longestSite}`);
  t.ok(Math.abs(sum(run.locks.map(({ share }) => share)) - 1) < 1e-9, 'shares add up to all that was lost');
  const totals = run.locks.map(({ waitNs }) => waitNs.total);
  t.strictSame(
    totals,
    totals.toSorted((a, b) => b - a),
    'most time lost comes first',
  );
  for (const place of [0.2, 0.5, 0.8])
    t.notSame(withoutOne(run, place), [...rows.values()], 'one event less is noticed');
});

test('sampling changes no count and no wait', async (t) => {
  const run = await profiled(t, false, rounds(12, 4));
  const { rows, irqs } = logged(run);
  t.equal(run.locks.length, rows.size);
  let timed = 0;
  let acquired = 0;
  for (const lock of run.locks) {
    const name = rowName(lock.class, lock.type, lock.mode === 'write');
    t.strictSame(saidOf(lock), expectedOf(rows.get(name) as Totals), name);
    t.ok(lock.sampled && lock.holdNs.timed <= lock.acquisitions);
    timed += lock.holdNs.timed;
    acquired += lock.acquisitions;
  }
  t.ok(timed > 0 && timed < acquired / 8, `${timed} of ${acquired} holds were timed`);
  t.equal(run.irqsOff.stretches, irqs.stretches);
  t.ok(run.irqsOff.sampled && run.irqsOff.ns.timed < irqs.stretches / 8);
});

test('the holder, the place, the lock and the stretch without interrupts that cost most are named', async (t) => {
  const { locks, irqsOff } = await profiled(t, true, [KNOWN_HOLDER]);
  const [first, second] = locks;
  t.match(first, { class: '&known->hot', contentions: 1, conBounces: 1, acquisitions: 2, acqBounces: 1 });
  t.ok((first?.share ?? 0) > 0.5 && (second?.share ?? 1) < 0.25, `${first?.share} of the time is lost with it`);
  const place = (name: string): RegExp => new RegExp(`^${name} \\(test/support/known-holder.ts:\\d+\\)$`);
  t.match(first?.blame, [
    {
      waiter: 'waiter',
      waiterSite: place('wantsWhatIsHeldForLong'),
      holder: 'holder',
      holderSite: place('holdsItForLong'),
      count: 1,
      waitNs: first?.waitNs.total,
    },
  ]);
  t.match(
    [first?.sites, first?.holders],
    [[{ site: place('wantsWhatIsHeldForLong') }], [{ site: place('holdsItForLong') }]],
  );
  t.match(irqsOff, { longestSite: place('letsNoInterruptIn'), longestCpu: 0 });
  t.ok(2 * irqsOff.ns.max > irqsOff.ns.total, 'for longer than all others together');
  // Spinlocks inside of others may be met too.
  const waited = locks.filter((lock) => lock.contentions > 0 && !lock.class.endsWith('.wait_lock'));
  t.strictSame(waited.map((lock) => `${lock.class} ${lock.mode}`).sort(), [
    '&known->hot write',
    '&known->mutex write',
    '&known->rw_semaphore read',
    '&known->rw_semaphore write',
    '&known->rwlock read',
    '&known->rwlock write',
    '&known->semaphore write',
    '&known->spinlock write',
  ]);
  for (const lock of waited) {
    t.match(lock.blame, [{ waiter: 'waiter', waiterSite: place('waiter'), count: 1 }].slice(lock === first ? 1 : 0));
    const holds = lock.class.startsWith('&known->rw') && lock.mode === 'write' ? 'readers' : 'holder';
    t.equal(lock.blame[0]?.holder, holds, `${lock.class} ${lock.mode}`);
  }
});

test("a lock that was handed over is its new owner's, where that one waited, though he has not run yet", async (t) => {
  const { locks } = await profiled(t, true, [KNOWN_HAND_OVER]);
  for (const name of ['mutex', 'rw_semaphore', 'semaphore']) {
    const lock = locks.find((each) => each.class === `&known->${name}`);
    const edges = lock?.blame.map(({ waiter, waiterSite, holder, holderSite, count }) => {
      const [asks, has] = [waiterSite, holderSite].map((site) => site.split(' ')[0]);
      return `${waiter} in ${asks} for ${holder} in ${has}, ${count} times`;
    });
    t.strictSame(
      edges?.sort(),
      ['holder in wantsItBack for waiter in waiter, 1 times', 'waiter in waiter for holder in holder, 1 times'],
      name,
    );
  }
});
