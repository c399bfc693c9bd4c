import { test } from 'tap';
import { Dpor } from '../../src/explore/strategies/dpor.ts';
import { allClasses, BruteForce, randomProgram } from '../support/random-programs.ts';

/** Programs with more schedules are passed over. */
const SCHEDULES_MAX = Number(process.env['DMRACE_SCHEDULES'] ?? 300);
const PROGRAMS = Number(process.env['DMRACE_PROGRAMS'] ?? 2000);

/** A finding that ends a run before all have gone as far as they can; a deadlock does not. */
const cutsShort = (finding: string): boolean => finding !== '' && !finding.startsWith('deadlock');

test('DPOR sees each class that brute force sees, in random programs of every kind of operation', async (t) => {
  Error.stackTraceLimit = 0;
  let compared = 0;
  let all = 0;
  let reduced = 0;
  let classes = 0;
  let passedOver = 0;
  let broken = 0;
  for (let seed = 1; compared < PROGRAMS + broken; seed++) {
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
    const cut = [...brute.classes.values()].some(cutsShort);
    if (cut) broken++;
    // Where runs are cut short there is nothing to be exhausted; but both must find something.
    const same = cut
      ? [...(dpor?.classes.values() ?? [])].some(cutsShort)
      : dpor?.classes.size === brute.classes.size && [...dpor.classes.keys()].every((each) => brute.classes.has(each));
    if (!same)
      t.fail(
        `seed ${seed}: ${dpor?.classes.size} of ${brute.classes.size} classes, ${dpor?.runs} of ${brute.runs} runs`,
      );
  }
  t.comment(
    `${compared} programs (${broken} broken), ${passedOver} passed over: ${all} schedules, ${reduced} runs of DPOR, ${classes} classes`,
  );
  t.ok(reduced < all);
});
