import { test } from 'tap';
import { findScenario, roundParts, suites } from '../../src/scenarios/registry.ts';
import { leaveOut, partsOf } from '../../src/scenarios/suites/leave-out.ts';

const PLAN = {
  sectors: 3,
  submitters: [
    { cpu: 0, ios: ['a', 'b'] },
    { cpu: 1, ios: ['c'] },
  ],
  suspenders: [{ cpu: 2, cycles: ['x', 'y'] }],
  signaller: { cpu: 3, signals: ['s'] },
  operator: null,
};

test('the parts of a plan are its actors, in the order in which they start, and what each does', (t) => {
  t.strictSame(
    partsOf(PLAN).map(({ actor }) => actor),
    [0, null, null, 1, null, 2, null, null, 3, null],
  );
  t.strictSame(leaveOut(PLAN, 0n), PLAN);
  t.end();
});

test('what is left out is gone, and the numbers of the rest stay', (t) => {
  const without = (1n << 1n) | (1n << 3n) | (1n << 6n) | (1n << 8n);
  t.strictSame(leaveOut(PLAN, without), {
    sectors: 3,
    submitters: [{ cpu: 0, ios: ['b'] }],
    suspenders: [{ cpu: 2, cycles: ['y'] }],
    signaller: null,
    operator: null,
  });
  t.end();
});

test('a round without parts has a name of its own, by which it is found again', (t) => {
  let actors = 0;
  for (const { name } of suites) {
    const whole = roundParts(`${name}@7.3`, 4);
    if (whole === null) continue;
    const first = whole.parts.findIndex(({ actor }) => actor === 0);
    if (first < 0) continue;
    actors++;
    const smaller = whole.nameWithout(1n << BigInt(first));
    t.match(smaller, /^[a-z-]+@7\.3~[0-9a-z]+$/);
    t.equal(findScenario(smaller, 4)?.name, smaller);
    t.equal(roundParts(smaller, 4), null, 'only of a whole round');
  }
  t.ok(actors >= 6, 'the suites about suspending, freezing and paths');
  t.end();
});
