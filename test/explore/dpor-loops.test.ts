import { test } from 'tap';
import { Dpor } from '../../src/explore/strategies/dpor.ts';
import { TURNS_MAX } from '../../src/explore/strategies/spinners.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { RMW_ADD } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import { staticWords } from '../../src/shared/memory.ts';
import { onCpus, program, type Runnable } from '../support/model.ts';
import { type LoopProgram, loopProgram, outcomesOf, Turning } from '../support/random-loops.ts';
import { allClasses, type Classes } from '../support/random-programs.ts';

const ORDER = 'the order of independent steps';
const CUT = `${TURNS_MAX} turns of a loop that writes for others while it waits`;
const TURNS = 'the turns of loops that wait';

/** What somebody does on each turn of a loop, with how many turns he has made. */
type Turn = (own: number, turns: number) => Kernel<void>;

function* nothing(): Kernel<void> {}
const writesOwn: Turn = (own, turns) => ops.store(own, turns, HERE);
function* countsOwn(own: number): Kernel<void> {
  yield* ops.rmw(own, RMW_ADD, 1, HERE);
}
function* relaxesTwice(own: number, turns: number): Kernel<void> {
  yield* ops.relax(HERE);
  yield* ops.store(own, turns, HERE);
}
function* looksAndWritesOwn(own: number): Kernel<void> {
  yield* ops.store(own, 1 + (yield* ops.load(own, HERE)), HERE);
}

/** Actors who wait for a flag, each with a word of his own, and one who sets it and then does something else. */
const waiting = (spinners: number, turn: Turn, last: (own: number) => Kernel<void> = nothing): Runnable =>
  program(() => {
    const flag = staticWords(1);
    const own = Array.from({ length: spinners }, () => staticWords(1));
    return {
      *setup(): Kernel<void> {
        for (const word of own) yield* ops.store(word, 100, HERE);
      },
      actors: onCpus(
        ...own.map(
          (word) =>
            function* (): Kernel<void> {
              for (let turns = 1; (yield* ops.load(flag, HERE)) === 0; turns++) {
                yield* turn(word, turns);
                yield* ops.relax(HERE);
              }
            },
        ),
        function* (): Kernel<void> {
          yield* ops.store(flag, 1, HERE);
          yield* last(own[0] as number);
        },
      ),
    };
  }, spinners + 1);

const RUNS_MAX = 20_000;
/** Steps of a run that goes on in a fair way before its end; see `allClasses` for the limit. */
const LONG = 1500;

function dporOf(scenario: Runnable): Classes & { readonly exhausted: string | null; readonly findings: string[] } {
  const dpor = new Dpor();
  const seen = allClasses(scenario, dpor, RUNS_MAX) ?? { classes: new Map<number, string>(), runs: RUNS_MAX };
  const findings = [...seen.classes.values()].filter((finding) => finding !== '');
  return { ...seen, exhausted: dpor.exhausted(), findings };
}

for (const [what, turn] of [
  ['writes a word of its own', writesOwn],
  ['counts a word of its own', countsOwn],
  ['writes a word of its own between two relaxes', relaxesTwice],
  ['looks at a word of its own and writes it', looksAndWritesOwn],
] as const)
  test(`a loop that ${what} is seen in full and is no livelock`, async (t) => {
    for (const spinners of [1, 2]) {
      const plain = dporOf(waiting(spinners, nothing));
      const { findings, exhausted, classes, runs } = dporOf(waiting(spinners, turn));
      t.strictSame(findings, []);
      t.equal(exhausted, `exhaustive up to ${TURNS} and ${ORDER}`);
      t.comment(`${classes.size} classes in ${runs} runs; without the word ${plain.classes.size} in ${plain.runs}`);
      if (turn !== relaxesTwice) t.equal(classes.size, plain.classes.size, 'as many classes as without the word');
    }
  });

test('what a loop tells others on each turn is seen, for so many turns, and it is said', async (t) => {
  const values = new Set<number>();
  const scenario = waiting(1, writesOwn);
  const looking = waiting(1, writesOwn, function* (own) {
    values.add(yield* ops.load(own, HERE));
  });
  t.match(dporOf(scenario), { exhausted: `exhaustive up to ${TURNS} and ${ORDER}` });
  const { findings, exhausted } = dporOf(looking);
  t.strictSame(findings, []);
  t.equal(exhausted, `exhaustive up to ${CUT}, ${TURNS} and ${ORDER}`);
  for (let turns = 1; turns <= TURNS_MAX; turns++) t.ok(values.has(turns), `${turns} turns`);
});

test('what follows from the number of turns is not seen while others can move, and is not said to be', async (t) => {
  const values = new Set<number>();
  const givingUp = program(() => {
    const [flag, own, gaveUp] = [staticWords(1), staticWords(1), staticWords(1)];
    return {
      actors: onCpus(
        function* () {
          while ((yield* ops.load(flag, HERE)) === 0) {
            if ((yield* ops.rmw(own, RMW_ADD, 1, HERE)) === 2) return yield* ops.store(gaveUp, 1, HERE);
            yield* ops.relax(HERE);
          }
        },
        function* () {
          yield* ops.store(flag, 1, HERE);
          values.add(yield* ops.load(gaveUp, HERE));
        },
      ),
    };
  }, 2);
  const { findings, exhausted } = dporOf(givingUp);
  t.strictSame(findings, []);
  t.strictSame([...values], [0]);
  t.equal(exhausted, `exhaustive up to ${TURNS} and ${ORDER}`);
});

/** Two who each want two locks, in opposite orders, and give the first one back when the second is taken. */
const givingWay = (): Runnable =>
  program(() => {
    const words = [staticWords(1), staticWords(1)];
    const actor = (first: number, second: number) =>
      function* (): Kernel<void> {
        for (;;) {
          while ((yield* ops.cmpxchg(first, 0, 1, HERE)) !== 0) yield* ops.relax(HERE);
          if ((yield* ops.cmpxchg(second, 0, 1, HERE)) === 0) break;
          yield* ops.store(first, 0, HERE);
          yield* ops.relax(HERE);
        }
        yield* ops.store(second, 0, HERE);
        yield* ops.store(first, 0, HERE);
      };
    const [one, other] = words as [number, number];
    return { actors: onCpus(actor(one, other), actor(other, one)) };
  }, 2);

test('two who undo what the other has done for ever are a livelock', async (t) => {
  const dpor = new Dpor();
  let found = '';
  const seen = allClasses(givingWay(), dpor, 2000, (finding) => {
    found = finding;
    return finding !== '';
  });
  t.match(found, /^livelock: everybody moves, and the run goes round and round/);
  t.comment(`${seen?.runs} runs`);
});

test('two who keep each other busy while a third one is to end it are no livelock, and are not seen in full', async (t) => {
  const busy = program(() => {
    const flag = staticWords(1);
    const words = [staticWords(1), staticWords(1)] as const;
    const actor = (mine: number, other: number) =>
      function* (): Kernel<void> {
        while ((yield* ops.load(flag, HERE)) === 0) {
          yield* ops.load(other, HERE);
          yield* ops.rmw(mine, RMW_ADD, 1, HERE);
          yield* ops.relax(HERE);
        }
      };
    return {
      actors: onCpus(actor(words[0], words[1]), actor(words[1], words[0]), function* () {
        yield* ops.store(flag, 1, HERE);
      }),
    };
  }, 3);
  const dpor = new Dpor();
  const findings = new Set<string>();
  allClasses(busy, dpor, 100, (finding) => {
    findings.add(finding);
    return false;
  });
  t.strictSame([...findings], ['']);
  t.equal(dpor.exhausted(), null);
});

test('a search that has tried everything, but in a run too long for every order, is not said to be exhaustive', async (t) => {
  const writes = (times: number): Runnable =>
    program(() => {
      const own = staticWords(1);
      return {
        actors: onCpus(function* () {
          for (let i = 0; i < times; i++) yield* ops.store(own, i, HERE);
        }),
      };
    }, 1);
  t.match(dporOf(writes(10)), { runs: 1, findings: [], exhausted: `exhaustive up to ${ORDER}` });
  t.match(dporOf(writes(LONG)), { runs: 1, findings: [], exhausted: null });
});

/** Programs that are compared; they take longer than they look. */
const PROGRAMS = Number(process.env['DMRACE_PROGRAMS'] ?? 400);
const SCHEDULES_MAX = 3000;

const same = (one: ReadonlySet<string>, other: ReadonlySet<string>): boolean =>
  one.size === other.size && [...one].every((each) => other.has(each));

/** Null: too many schedules, or loops that nobody ends. */
function compare(loop: LoopProgram): { readonly brute: number; readonly dpor: number; readonly ok: boolean } | null {
  const turning = new Turning(loop);
  const brute = outcomesOf(loop, turning, SCHEDULES_MAX);
  if (brute === null || brute.findings > 0) return null;
  const dpor = outcomesOf(loop, new Dpor(), SCHEDULES_MAX);
  // Turns that tell others something are cut later by DPOR.
  const covers = dpor !== null && [...brute.outcomes].every((each) => dpor.outcomes.has(each));
  const ok = covers && dpor.findings === 0 && (loop.tells || same(brute.outcomes, dpor.outcomes));
  return { brute: brute.outcomes.size, dpor: dpor?.runs ?? -1, ok };
}

test('DPOR sees each outcome that brute force sees, in random programs with loops that write', async (t) => {
  Error.stackTraceLimit = 0;
  let compared = 0;
  let passedOver = 0;
  let outcomes = 0;
  let runs = 0;
  for (let seed = 1; compared < PROGRAMS; seed++) {
    const result = compare(loopProgram(seed));
    if (result === null) {
      passedOver++;
      continue;
    }
    compared++;
    outcomes += result.brute;
    runs += result.dpor;
    if (!result.ok) t.fail(`seed ${seed}: ${result.brute} outcomes, ${result.dpor} runs of DPOR`);
  }
  t.ok(
    outcomes > compared,
    `${compared} programs, ${passedOver} passed over, ${outcomes} outcomes, ${runs} runs of DPOR`,
  );
});
