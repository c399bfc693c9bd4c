import fc from 'fast-check';
import { test } from 'tap';
import {
  BadSchedule,
  CHECKS_MAX,
  endingOf,
  parseSchedule,
  type Schedule,
  scheduleText,
  strideOf,
} from '../../src/explore/schedule.ts';
import { FINDING_KINDS } from '../../src/machine/finding.ts';

const SEED = 1;

const digit = fc.integer({ min: 0, max: 9 });
/** Ids of tasks of tasks are large. */
const id = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 40 }));
const small = fc.nat({ max: 200_000 });

/** Counts of one task only grow. */
function inOrder<T extends { readonly task: number; readonly count: number }>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => a.count - b.count);
}

const deviations = fc.array(fc.record({ task: id, count: small, to: id }), { maxLength: 20 }).map(inOrder);
const answers = fc
  .array(fc.record({ task: id, count: small, nth: fc.nat({ max: 5 }), value: fc.integer({ min: 1, max: 40 }) }), {
    maxLength: 8,
  })
  .map(inOrder);
const choices = fc.record({ deviations, answers });

const schedules: fc.Arbitrary<Schedule> = fc
  .record({
    lock: fc.constantFrom('tas' as const, 'ticket' as const),
    cpus: fc.option(fc.integer({ min: 1, max: 16 })),
    budget: fc.record({ signals: digit, wakeups: digit, allocations: digit, interrupts: digit, timers: digit }),
    races: fc.boolean(),
    lockdep: fc.boolean(),
    earlier: fc.array(choices, { maxLength: 2 }),
    steps: small,
    check: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    ends: fc.option(
      fc.record({
        kind: fc.constantFrom(...FINDING_KINDS),
        invariant: fc.constantFrom('', 'I?', 'I1', 'I48', 'I53'),
      }),
    ),
    bits: fc.array(fc.nat({ max: 1 }), { minLength: CHECKS_MAX, maxLength: CHECKS_MAX }),
    deviations,
    answers,
  })
  .map(({ bits, ...rest }) =>
    // Records of fast-check have no prototype; the clone has one.
    structuredClone({ ...rest, checks: bits.slice(0, Math.floor(rest.steps / strideOf(rest.steps))) }),
  );

const names = fc.constantFrom(
  'drain',
  'suspend@7.42',
  'litmus/fifo/ticket@3',
  'drain:2.6.20',
  'noflush+a-bug:seed-000',
);

test('any schedule is the same after it was written and read', (t) => {
  fc.assert(
    fc.property(names, schedules, (name, schedule) => {
      const text = scheduleText(name, schedule);
      t.match(text, /^v1\.[^ ]+\.[A-Za-z0-9_~-]+$/);
      t.strictSame(parseSchedule(text), { name, schedule });
    }),
    { seed: SEED, numRuns: 500 },
  );
  t.end();
});

test('a schedule of which letters are missing or changed is refused, or is another one', (t) => {
  fc.assert(
    fc.property(schedules, fc.nat(), (schedule, cut) => {
      const text = scheduleText('drain', schedule);
      const shorter = text.slice(0, text.length - 1 - (cut % (text.length - 9)));
      try {
        t.notSame(parseSchedule(shorter).schedule, schedule);
      } catch (error) {
        t.ok(error instanceof BadSchedule);
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
  t.end();
});

test('a schedule with more letters that change nothing is refused', (t) => {
  const [schedule] = fc.sample(schedules, { seed: SEED, numRuns: 1 }) as [Schedule];
  const plain = { ...schedule, earlier: [], answers: [] };
  const text = scheduleText('drain', plain);
  const letters = text.split('.')[2] as string;
  const withBytes = (...more: number[]): string =>
    `v1.drain.${Buffer.concat([Buffer.from(letters, 'base64url'), Buffer.from(more)]).toString('base64url')}`;
  t.strictSame(parseSchedule(withBytes(1, 0, 2)).schedule.answers, [{ task: 1, count: 0, nth: 0, value: 1 }]);
  t.throws(() => parseSchedule(withBytes(1, 0, 0)), /the usual one/);
  // A number in more bytes than it needs.
  t.throws(() => parseSchedule(withBytes(129, 0, 0, 2)), /more in it than a schedule has/);
  t.end();
});

test('what is no schedule is refused in words', (t) => {
  for (const [text, why] of [
    ['', /does not look like/],
    ['v1.drain', /does not look like/],
    ['v9.drain.AAAA', /version is v9/],
    ['v1.drain._wE', /newer program/],
    ['v1.drain.AA', /too early/],
  ] as const)
    t.throws(() => parseSchedule(text), why, text);
  t.end();
});

test('an invariant that has no number has no name in a schedule', (t) => {
  t.strictSame(endingOf({ kind: 'leak', invariant: 'sums' }), { kind: 'leak', invariant: 'I?' });
  t.strictSame(endingOf({ kind: 'leak', invariant: 'I29' }), { kind: 'leak', invariant: 'I29' });
  t.strictSame(endingOf({ kind: 'leak', invariant: '' }), { kind: 'leak', invariant: '' });
  t.end();
});
