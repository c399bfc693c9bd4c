import { test } from 'tap';
import { CpuTally } from '../../src/cli/stress/tally.ts';

const counts = (cpu: number, steps: number, switches: number) => ({
  cpu,
  steps,
  interrupts: 0,
  softirqs: 0,
  switches,
  parks: 1,
});

test('a CPU is idle if it ran no task in any round', (t) => {
  const tally = new CpuTally();
  tally.add([counts(0, 10, 1), counts(1, 0, 0), counts(2, 4, 0)]);
  t.strictSame(tally.idle(), [1, 2]);
  tally.add([counts(0, 0, 0), counts(1, 7, 1), counts(2, 4, 0)]);
  t.strictSame(tally.idle(), [2]);
  t.equal(tally.sums[2]?.steps, 8);
  t.end();
});
