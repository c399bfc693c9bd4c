import { test } from 'tap';
import { Dpor } from '../../src/explore/strategies/dpor.ts';
import { allClasses, BruteForce, randomProgram } from '../support/random-programs.ts';

/** Programs with more schedules are passed over. */
const SCHEDULES_MAX = Number(process.env['DMRACE_SCHEDULES'] ?? 1500);
const PROGRAMS = Number(process.env['DMRACE_PROGRAMS'] ?? 2000);

/** The classes of whole runs, and what cut the others short. */
function seen(classes: ReadonlyMap<number, string>): string[] {
  const list = [...classes].map(([value, finding]) => (/^(?:$|deadlock)/.test(finding) ? String(value) : finding));
  return [...new Set(list)].sort();
}

test('DPOR sees each class that brute force sees, in random programs of every kind of operation', async (t) => {
  Error.stackTraceLimit = 0;
  let compared = 0;
  let all = 0;
  let reduced = 0;
  let classes = 0;
  let passedOver = 0;
  for (let seed = 1; compared < PROGRAMS; seed++) {
    const program = randomProgram(seed);
    const bruteForce = new BruteForce();
    const brute = allClasses(program, bruteForce, SCHEDULES_MAX);
    if (brute === null) {
      passedOver++;
      continue;
    }
    const dpor = allClasses(program, new Dpor(), 2 * SCHEDULES_MAX);
    compared++;
    all += brute.runs;
    classes += brute.classes.size;
    reduced += dpor?.runs ?? 0;
    // A finding cuts a run short wherever the others stand, so what is cut is told by its sentence alone.
    const expected = seen(brute.classes);
    const reached = dpor === null ? [] : seen(dpor.classes);
    if (expected.join() !== reached.join())
      t.fail(`seed ${seed}: ${reached.length} of ${expected.length} classes, ${dpor?.runs} of ${brute.runs} runs`);
  }
  t.comment(
    `${compared} programs, ${passedOver} passed over: ${all} schedules, ${reduced} runs of DPOR, ${classes} classes`,
  );
  t.ok(reduced < all);
});
