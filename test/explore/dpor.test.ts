import { test } from 'tap';
import { ModelMachine } from '../../src/explore/explore.ts';
import { Bounded } from '../../src/explore/strategies/bounded.ts';
import { Dpor, estimateRuns } from '../../src/explore/strategies/dpor.ts';
import { toEnd } from '../../src/explore/to-end.ts';
import { CHOICE_SCENARIO, type Kernel } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import { staticWords } from '../../src/shared/memory.ts';
import { Random } from '../../src/shared/random.ts';
import { Marked } from '../../src/shared/word.ts';
import { onCpus, program, type Runnable } from '../support/model.ts';
import { allClasses, BruteForce, randomProgram } from '../support/random-programs.ts';

/** Programs with more schedules are passed over. */
const SCHEDULES_MAX = Number(process.env['DMRACE_SCHEDULES'] ?? 300);
const PROGRAMS = Number(process.env['DMRACE_PROGRAMS'] ?? 2000);

/** Programs that count one word, and how many schedules each of them may have. */
const COUNTING_PROGRAMS = Number(process.env['DMRACE_PROGRAMS'] ?? 300);
const COUNTING_SCHEDULES_MAX = 3000;

/** A finding that ends a run before all have gone as far as they can; a deadlock of all does not. */
const cutsShort = (finding: string): boolean => finding !== '' && !/no CPU can move|sleeps for ever/.test(finding);

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

/** Programs that bounded searches are compared on: brute force makes all runs up to the bound. */
const BOUNDED_PROGRAMS = Number(process.env['DMRACE_PROGRAMS'] ?? 400);

test('DPOR with a bound sees each class that has a run with so many preemptions, in random programs', async (t) => {
  Error.stackTraceLimit = 0;
  for (const bound of [0, 1, 2]) {
    let all = 0;
    let reduced = 0;
    let compared = 0;
    for (let seed = 1; compared < BOUNDED_PROGRAMS; seed++) {
      const program = randomProgram(seed);
      const brute = allClasses(program, new Bounded(bound, bound), SCHEDULES_MAX);
      if (brute === null || [...brute.classes.values()].some(cutsShort)) continue;
      const dpor = allClasses(program, new Dpor(bound), 4 * SCHEDULES_MAX);
      compared++;
      all += brute.runs;
      reduced += dpor?.runs ?? 0;
      const missing = [...brute.classes.keys()].filter((each) => dpor?.classes.has(each) !== true);
      const more = [...(dpor?.classes.keys() ?? [])].filter((each) => !brute.classes.has(each));
      if (missing.length + more.length > 0)
        t.fail(
          `bound ${bound}, seed ${seed}: ${missing.length} of ${brute.classes.size} classes missing, ${more.length} too many`,
        );
    }
    t.ok(reduced <= all, `bound ${bound}: ${compared} programs, ${all} schedules, ${reduced} runs of DPOR`);
  }
});

test('what comes after a relax is seen before and after what others do meanwhile', async (t) => {
  const lonely = program(() => {
    const looked = new Marked(staticWords(1));
    const word = new Marked(staticWords(1));
    return {
      actors: onCpus(
        function* (): Kernel<void> {
          yield* looked.read(HERE);
          yield* ops.relax(HERE);
          yield* word.write(1, HERE);
        },
        function* (): Kernel<void> {
          yield* word.read(HERE);
        },
      ),
    };
  }, 2);
  for (const bound of [Number.POSITIVE_INFINITY, 0])
    t.equal(allClasses(lonely, new Dpor(bound), 100)?.classes.size, 2, `bound ${bound}`);
});

/** So many actors who each add once to one word and so often to words of their own: n! classes. */
const rivals = (actors: number): Runnable =>
  program(() => {
    const word = new Marked(staticWords(1));
    return {
      actors: onCpus(
        ...Array.from({ length: actors }, () => {
          const own = new Marked(staticWords(1));
          return function* (): Kernel<void> {
            yield* own.write(1, HERE);
            yield* word.write(1, HERE);
            yield* own.write(2, HERE);
          };
        }),
      ),
    };
  }, actors);

test('DPOR makes as many runs as there are classes, where nothing blocks', async (t) => {
  for (const [actors, classes] of [
    [2, 2],
    [3, 6],
    [4, 24],
    [5, 120],
  ] as const) {
    const seen = allClasses(rivals(actors), new Dpor(), 1000);
    t.match({ runs: seen?.runs, classes: seen?.classes.size }, { runs: classes, classes });
  }
});

/** Actors who each give up one of `count` references; who finds none left writes a word. */
const droppers = (actors: number, count: number): Runnable =>
  program(() => {
    const word = new Marked(staticWords(1));
    const last = new Marked(staticWords(1));
    const wrote = (): Kernel<void> => last.write(1, HERE);
    return {
      *setup(): Kernel<void> {
        yield* word.write(count, HERE);
      },
      actors: onCpus(
        ...Array.from(
          { length: actors },
          () =>
            function* (): Kernel<void> {
              yield* ops.addThen(word.word, -1, -1, -1, wrote, null, HERE);
            },
        ),
      ),
    };
  }, actors);

test('references that are given up while there are some are given up in one order', async (t) => {
  const classes = (actors: number, count: number): number | undefined =>
    allClasses(droppers(actors, count), new Dpor(), 1000)?.classes.size;
  t.equal(classes(4, 4), 1, 'there is one for each');
  t.equal(classes(4, 3), 4, 'each may be the one who finds none');
});

/** Up to four actors who count one word up and down, look at it and set it, and go other ways at the sums that they look for. */
function counting(seed: number): Runnable {
  const random = new Random(seed);
  const start = random.below(5);
  const actors = Array.from({ length: 3 + random.below(2) }, () =>
    Array.from({ length: 1 + random.below(2) }, () => ({
      what: random.below(7),
      delta: random.below(3) === 0 ? 1 : -1,
      goal: random.below(4) - 1,
    })),
  );
  return program(() => {
    const word = new Marked(staticWords(1));
    const other = new Marked(staticWords(1));
    const wrote = (): Kernel<void> => other.write(1, HERE);
    return {
      *setup(): Kernel<void> {
        yield* word.write(start, HERE);
      },
      actors: onCpus(
        ...actors.map(
          (steps) =>
            function* (): Kernel<void> {
              for (const { what, delta, goal } of steps)
                if (what === 0) yield* word.read(HERE);
                else if (what === 1) yield* word.write(goal, HERE);
                else yield* ops.addThen(word.word, delta, -1, what < 5 ? delta : goal, wrote, null, HERE);
            },
        ),
      ),
    };
  }, actors.length);
}

test('DPOR sees each class that brute force sees, where several count one word', async (t) => {
  let all = 0;
  let reduced = 0;
  let compared = 0;
  for (let seed = 1; compared < COUNTING_PROGRAMS; seed++) {
    const brute = allClasses(counting(seed), new BruteForce(), COUNTING_SCHEDULES_MAX);
    if (brute === null) continue;
    const dpor = allClasses(counting(seed), new Dpor(), COUNTING_SCHEDULES_MAX);
    compared++;
    all += brute.classes.size;
    reduced += dpor?.runs ?? 0;
    const seen = dpor?.classes ?? new Map<number, string>();
    if (seen.size !== brute.classes.size || [...seen.keys()].some((each) => !brute.classes.has(each)))
      t.fail(`seed ${seed}: ${seen.size} of ${brute.classes.size} classes`);
  }
  t.ok(reduced >= all, `${compared} programs, ${all} classes, ${reduced} runs of DPOR`);
});

test('the estimate of its runs is near what it turns out to be', async (t) => {
  for (const [actors, runs] of [
    [3, 6],
    [4, 24],
    [5, 120],
  ] as const) {
    const scenario = rivals(actors);
    const machine = new ModelMachine(scenario.build, new Dpor(), {
      settings: { cpus: scenario.cpus, lock: 'tas', oracles: false },
      slots: {},
      staticWords: scenario.staticWords,
      stepLimit: 2000,
    });
    const estimate = 10 ** toEnd(estimateRuns(machine, 1));
    t.ok(estimate > runs / 4 && estimate < runs * 4, `${estimate.toFixed(1)} of ${runs}`);
  }
});

test('the estimate for a bound is near what it turns out to be', async (t) => {
  for (const bound of [0, 1, 2]) {
    const scenario = rivals(3);
    const dpor = new Dpor(bound);
    const runs = allClasses(scenario, dpor, 20_000)?.runs ?? 0;
    const machine = new ModelMachine(scenario.build, dpor, {
      settings: { cpus: scenario.cpus, lock: 'tas', oracles: false },
      slots: {},
      staticWords: scenario.staticWords,
      stepLimit: 2000,
    });
    const estimate = 10 ** toEnd(estimateRuns(machine, 1, bound));
    t.ok(estimate > runs / 4 && estimate < runs * 4, `bound ${bound}: ${estimate.toFixed(1)} of ${runs}`);
  }
});

test('a program that is another one at its second run is noticed', async (t) => {
  let runs = 0;
  const scenario = program(() => ({
    actors: onCpus(function* () {
      yield* ops.choice(CHOICE_SCENARIO, runs++ === 0 ? 2 : 3, HERE);
    }),
  }));
  t.throws(() => allClasses(scenario, new Dpor(), 100), /the program is not the same at each run/);
});
