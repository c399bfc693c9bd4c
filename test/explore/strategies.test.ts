/**
 * Strategies against what is published about them, on toys whose figures can be worked out by hand.
 */
import { test } from 'tap';
import { ModelMachine } from '../../src/explore/explore.ts';
import { SLICED } from '../../src/explore/strategies/all.ts';
import { Bounded } from '../../src/explore/strategies/bounded.ts';
import { Dpor } from '../../src/explore/strategies/dpor.ts';
import { FewPreemptions } from '../../src/explore/strategies/few.ts';
import { Pct } from '../../src/explore/strategies/pct.ts';
import { Pos } from '../../src/explore/strategies/pos.ts';
import { Surw } from '../../src/explore/strategies/surw.ts';
import { Uniform } from '../../src/explore/strategies/uniform.ts';
import type { Strategy } from '../../src/explore/strategy.ts';
import { TraceClass } from '../../src/explore/trace-class.ts';
import { type Kernel, RMW_ADD, RMW_EXCHANGE } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { Marked } from '../../src/shared/word.ts';
import { onCpus, program, type Runnable } from '../support/model.ts';

/** How often each outcome is seen in so many runs. */
function outcomes(scenario: Runnable, strategy: Strategy, runs: number): Map<string, number> {
  const machine = new ModelMachine(scenario.build, strategy, {
    settings: { cpus: scenario.cpus, lock: 'tas', oracles: false },
    slots: {},
    staticWords: scenario.staticWords,
    stepLimit: 2000,
  });
  const seen = new Map<string, number>();
  for (let run = 0; run < runs && strategy.finished?.() !== true; run++) {
    const outcome = machine.run(run).outcome ?? '';
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
  }
  return seen;
}

function* noise(word: Marked, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) yield* word.write(i, HERE);
}

// ---- PCT. ----

/** A bug that needs `depth` orderings, among three actors of so many steps: a reader has to see 1, 2, … depth in turn. */
function depthBug(depth: number, steps: number): Runnable {
  return program(() => {
    const word = new Marked(staticWords(1));
    const own = [0, 1, 2].map(() => new Marked(staticWords(1)));
    let seen = 0;
    return {
      *setup(): Kernel<void> {
        seen = 0;
      },
      actors: onCpus(
        function* () {
          yield* noise(own[0] as Marked, steps);
          for (let i = 1; i < depth; i++) yield* word.write(i, HERE);
          yield* noise(own[0] as Marked, steps);
        },
        function* () {
          yield* noise(own[1] as Marked, steps);
          for (let i = 1; i < depth; i++) if ((yield* word.read(HERE)) === i && seen === i - 1) seen = i;
          yield* noise(own[1] as Marked, steps);
        },
        () => noise(own[2] as Marked, 2 * steps),
      ),
      outcome: () => (seen === depth - 1 ? 'bug' : ''),
    };
  });
}

test('PCT finds a bug of depth d with a probability of at least 1 / (n k^(d-1))', async (t) => {
  const runs = 20_000;
  for (const [depth, steps] of [
    [2, 6],
    [3, 1],
  ] as const) {
    const scenario = depthBug(depth, steps);
    const found = outcomes(scenario, new Pct(1, [depth]), runs).get('bug') ?? 0;
    // Three actors and the interrupt actor; their steps, starts included.
    const bound = 1 / (4 * (4 * steps + 2 * steps + 2 * (depth - 1) + 3) ** (depth - 1));
    t.ok(found / runs >= bound, `depth ${depth}: ${found} of ${runs}, at least ${Math.ceil(bound * runs)}`);
  }
});

test('PCT goes on fairly with a run that has no end under strict priorities', async (t) => {
  const scenario = program(() => {
    const flag = new Marked(staticWords(1));
    return {
      actors: onCpus(
        function* () {
          while ((yield* flag.read(HERE)) === 0) yield* flag.read(HERE);
        },
        function* () {
          yield* flag.write(1, HERE);
        },
      ),
      outcome: () => 'over',
    };
  });
  t.strictSame(outcomes(scenario, new Pct(1, [3]), 500), new Map([['over', 500]]));
});

// ---- SURW. ----

/** Three actors who touch one word 3, 2 and 1 times, with other steps around; the order is the outcome. */
function touching(others: readonly number[]): Runnable {
  return program(() => {
    const word = new Marked(staticWords(1));
    const own = others.map(() => new Marked(staticWords(1)));
    const order: number[] = [];
    return {
      *setup(): Kernel<void> {
        order.length = 0;
      },
      actors: onCpus(
        ...others.map(
          (steps, actor) =>
            function* (): Kernel<void> {
              yield* noise(own[actor] as Marked, steps);
              for (let i = actor; i < 3; i++) {
                yield* ops.rmw(word.word, RMW_ADD, 1, HERE);
                order.push(actor);
                yield* noise(own[actor] as Marked, actor);
              }
            },
        ),
      ),
      outcome: () => order.join(''),
    };
  });
}

/** Pearson's statistic of so many equally likely cells. */
function chiSquare(seen: ReadonlyMap<string, number>, cells: number, runs: number): number {
  const expected = runs / cells;
  let sum = (cells - seen.size) * expected;
  for (const count of seen.values()) sum += (count - expected) ** 2 / expected;
  return sum;
}

test('SURW makes all orders in which a word is touched equally likely, whatever else the actors do', async (t) => {
  // 6! / (3! 2! 1!) orders; 59 degrees of freedom: 98.3 is passed by one of a thousand.
  const cells = 60;
  const runs = 12_000;
  const scenario = touching([0, 20, 3]);
  const surw = chiSquare(outcomes(scenario, new Surw(1, 0), runs), cells, runs);
  const uniform = chiSquare(outcomes(scenario, new Uniform(1), runs), cells, runs);
  // The first run has no profile yet.
  t.ok(surw < 98.3, `SURW: ${surw.toFixed(1)}`);
  t.ok(uniform > 1000, `a uniform walk: ${uniform.toFixed(1)}`);
});

test('URW makes all interleavings equally likely', async (t) => {
  // Two actors of 4 and 2 steps, each with a start: 8! / (5! 3!) orders; 55 degrees of freedom.
  const scenario = program(() => {
    const order: number[] = [];
    const walker = (actor: number, steps: number) =>
      function* (): Kernel<void> {
        order.push(actor);
        for (let i = 0; i < steps; i++) {
          yield* ops.relax(HERE);
          order.push(actor);
        }
      };
    return {
      *setup(): Kernel<void> {
        order.length = 0;
      },
      actors: onCpus(walker(0, 4), walker(1, 2)),
      outcome: () => order.join(''),
    };
  });
  const runs = 12_000;
  const urw = chiSquare(outcomes(scenario, new Surw(1, 100), runs), 56, runs);
  const uniform = chiSquare(outcomes(scenario, new Uniform(1), runs), 56, runs);
  t.ok(urw < 93.2, `URW: ${urw.toFixed(1)}`);
  t.ok(uniform > 300, `a uniform walk: ${uniform.toFixed(1)}`);
});

test('SURW lets others go on when somebody spins for them', async (t) => {
  // The one holds the lock and touches the word; the other spins for the lock before it does. Whenever it is the other one's turn to
  // touch the word first, that one would spin for ever.
  const scenario = program(() => {
    const [lock, word] = [new Marked(staticWords(1)), new Marked(staticWords(1))];
    function* visit(): Kernel<void> {
      while ((yield* ops.rmw(lock.word, RMW_EXCHANGE, 1, HERE)) === 1) yield* ops.relax(HERE);
      yield* word.write(1, HERE);
      yield* word.write(2, HERE);
      yield* lock.write(0, HERE);
    }
    return { actors: onCpus(visit, visit), outcome: () => 'over' };
  });
  t.strictSame(outcomes(scenario, new Surw(1, 0), 2000), new Map([['over', 2000]]));
});

// ---- POS. ----

test('POS makes both orders of two dependent steps likely, although six others come before one of them', async (t) => {
  // The one writes after no other step, the other after six that depend on nothing: a uniform walk sees the second first
  // with a probability of 2^-7 at most.
  const scenario = program(() => {
    const word = new Marked(staticWords(1));
    const own = new Marked(staticWords(1));
    return {
      actors: onCpus(
        function* () {
          yield* word.write(1, HERE);
        },
        function* () {
          yield* noise(own, 6);
          yield* word.write(2, HERE);
        },
      ),
      outcome: () => String(memory.words[word.word]),
    };
  });
  const runs = 5000;
  const pos = outcomes(scenario, new Pos(1), runs);
  const uniform = outcomes(scenario, new Uniform(1), runs);
  // A priority is kept until something conflicts, so the write waits below 7 others with a probability of 1/8.
  t.ok((pos.get('1') ?? 0) > runs / 12, `POS: ${pos.get('1')} of ${runs}`);
  t.ok((uniform.get('1') ?? 0) < runs / 30, `a uniform walk: ${uniform.get('1')}`);
});

/** How often each class is seen in so many runs. */
function classesOf(scenario: Runnable, strategy: Strategy, runs: number): Map<number, number> {
  const machine = new ModelMachine(scenario.build, strategy, {
    settings: { cpus: scenario.cpus, lock: 'tas', oracles: false },
    slots: {},
    staticWords: scenario.staticWords,
    stepLimit: 2000,
  });
  const trace = new TraceClass();
  machine.execution.listener = trace;
  const classes = new Map<number, number>();
  for (let run = 0; run < runs && strategy.finished?.() !== true; run++) {
    machine.run(run);
    classes.set(trace.value(), (classes.get(trace.value()) ?? 0) + 1);
  }
  return classes;
}

/** Two actors write a word each; a third one writes both of them after so many steps that depend on nothing. */
function lateWriter(steps: number): Runnable {
  return program(() => {
    const [a, b, own] = [new Marked(staticWords(1)), new Marked(staticWords(1)), new Marked(staticWords(1))];
    return {
      actors: onCpus(
        function* () {
          yield* a.write(1, HERE);
        },
        function* () {
          yield* b.write(1, HERE);
        },
        function* () {
          yield* noise(own, steps);
          yield* a.write(2, HERE);
          yield* b.write(2, HERE);
        },
      ),
    };
  });
}

test('POS samples each class as often as its priorities promise, a uniform walk does not', async (t) => {
  // Four classes, by who is first at each word. In the one that is least likely the third actor is first at both. It is sampled whenever
  // the other two writes have drawn the lowest of all priorities. A uniform walk has to pass both over at each step of the third actor.
  const steps = 12;
  const scenario = lateWriter(steps);
  const events = steps + 2 + 2 + 3;
  const promised = 2 / (events * (events - 1));
  const runs = 5000;
  const all = classesOf(scenario, new Dpor(), 100);
  t.equal(all.size, 4);
  const pos = classesOf(scenario, new Pos(1), runs);
  t.strictSame([...pos.keys()].sort(), [...all.keys()].sort());
  const least = Math.min(...pos.values());
  t.ok(least >= runs * promised, `POS: ${least} of ${runs}, at least ${Math.ceil(runs * promised)}`);
  t.equal(classesOf(scenario, new Uniform(1), runs).size, 3);
});

// ---- Bounded search. ----

test('bounded search finds what needs c preemptions at bound c and not before', async (t) => {
  // The reader must be inside of the writer, as often as there are preemptions.
  const needs = (preemptions: number): Runnable =>
    program(() => {
      const word = new Marked(staticWords(1));
      let seen = 0;
      return {
        *setup(): Kernel<void> {
          seen = 0;
        },
        actors: onCpus(
          function* () {
            for (let i = 1; i <= preemptions; i++) yield* word.write(i, HERE);
            yield* word.write(0, HERE);
          },
          function* () {
            for (let i = 1; i <= preemptions; i++) if ((yield* word.read(HERE)) === i && seen === i - 1) seen = i;
          },
        ),
        outcome: () => String(seen),
      };
    });
  for (const [value, bound] of [
    [1, 1],
    [2, 3],
  ] as const) {
    const scenario = needs(value);
    for (let c = 0; c <= bound; c++) {
      const seen = outcomes(scenario, new Bounded(c, c), 1e6);
      t.equal(seen.has(String(value)), c === bound, `${value} with ${c} preemptions: ${[...seen.keys()].join()}`);
    }
    const random = outcomes(scenario, new FewPreemptions(1), 20_000);
    t.ok(random.has(String(value)));
  }
});

test('every strategy makes the same run of the same number and seed', async (t) => {
  const scenario = touching([2, 1, 3]);
  const strategies: (() => Strategy)[] = [
    () => new Pct(5, [2, 3]),
    () => new Pos(5),
    () => new Surw(5, 20),
    () => new FewPreemptions(5),
    () => new Bounded(0, 2),
  ];
  for (const make of strategies)
    t.strictSame([...outcomes(scenario, make(), 200)], [...outcomes(scenario, make(), 200)]);
  t.not([...outcomes(scenario, new Pos(5), 200)].join(), [...outcomes(scenario, new Pos(6), 200)].join());
});

// ---- Liveness. ----

test('no strategy at random makes a run endless in which somebody spins, with a relax or without', async (t) => {
  const scenario = program(() => {
    const [flag, other] = [new Marked(staticWords(1)), new Marked(staticWords(1))];
    return {
      actors: onCpus(
        function* (): Kernel<void> {
          while ((yield* flag.read(HERE)) === 0) yield* ops.relax(HERE);
          yield* other.write(1, HERE);
        },
        function* (): Kernel<void> {
          while ((yield* other.read(HERE)) === 0) yield* flag.read(HERE);
        },
        function* (): Kernel<void> {
          for (let i = 0; i < 5; i++) yield* other.write(0, HERE);
          yield* flag.write(1, HERE);
        },
      ),
      outcome: () => 'over',
    };
  });
  for (const [name, make] of Object.entries(SLICED)) {
    const machine = new ModelMachine(scenario.build, make(3), {
      settings: { cpus: scenario.cpus, lock: 'tas', oracles: false },
      slots: {},
      staticWords: scenario.staticWords,
      stepLimit: 20_000,
    });
    let findings = 0;
    for (let run = 0; run < 2000; run++) if (machine.run(run).finding !== null) findings++;
    t.equal(findings, 0, name);
  }
});
