/**
 * Small programs drawn at random in which loops wait for a word and write others meanwhile, and all their outcomes: what everybody has
 * read outside of loops, and what is left in the shared words. How often a loop has turned is no part of it.
 */

import type { Context } from '../../src/explore/context.ts';
import { ModelMachine } from '../../src/explore/explore.ts';
import {
  type Moves,
  type Strategy,
  TURN_GIVE_UP,
  TURN_MADE,
  TURN_NONE,
  type Turn,
} from '../../src/explore/strategy.ts';
import { type Kernel, OP_LOAD, OP_RELAX, OP_START, RMW_ADD } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { ops } from '../../src/machine/operations.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { Random } from '../../src/shared/random.ts';
import { onCpus, type Runnable } from './model.ts';
import { BruteForce, tooMany } from './random-programs.ts';

/** So many relaxes of one actor, until a shared word is written, brute force makes. */
const TURNS = 2;
const ACTORS_MAX = 3;
const WORDS = 2;

/** What an actor works on: shared words, words of their own, and what it has read. */
interface Desk {
  readonly words: number;
  readonly own: number;
  readonly actor: number;
  readonly read: number[];
}

type Step = (desk: Desk) => Kernel<void>;

export interface LoopProgram extends Runnable {
  /** Whether somebody looks at the own word of another one. */
  readonly tells: boolean;
  /** Whether this is one of the words that all may look at. */
  readonly isShared: (word: number) => boolean;
}

const STEPS: readonly ((random: Random) => Step)[] = [
  (random) => {
    const i = random.below(WORDS);
    return function* ({ words, read }) {
      read.push(yield* ops.load(words + i, HERE));
    };
  },
  (random) => {
    const i = random.below(WORDS);
    const value = 1 + random.below(2);
    return ({ words }) => ops.store(words + i, value, HERE);
  },
  (random) => {
    const i = random.below(WORDS);
    return function* ({ words, read }) {
      read.push(yield* ops.rmw(words + i, RMW_ADD, 1, HERE));
    };
  },
  () =>
    ({ own, actor }) =>
      ops.store(own + actor, 7, HERE),
];

/** What a loop does on each turn beside looking. */
const MEANWHILE: readonly ((desk: Desk, turns: number) => Kernel<void>)[] = [
  function* () {},
  ({ own, actor }, turns) => ops.store(own + actor, turns, HERE),
  function* ({ own, actor }) {
    yield* ops.rmw(own + actor, RMW_ADD, 1, HERE);
  },
  function* ({ own, actor }, turns) {
    yield* ops.relax(HERE);
    yield* ops.store(own + actor, turns, HERE);
  },
];

function loop(random: Random): Step {
  const i = random.below(WORDS);
  const meanwhile = MEANWHILE[random.below(MEANWHILE.length)] as (typeof MEANWHILE)[0];
  return function* (desk) {
    for (let turns = 1; (yield* ops.load(desk.words + i, HERE)) === 0; turns++) {
      yield* meanwhile(desk, turns);
      yield* ops.relax(HERE);
    }
  };
}

/** Looks at the own word of the first actor; how far that one has come is not read but whether it has begun. */
const look: Step = function* ({ own, actor, read }) {
  const seen = yield* ops.load(own + (actor === 0 ? 1 : 0), HERE);
  read.push(Math.min(seen, 2));
};

/** The program of a seed: two or three actors, one or two loops, each with something before it or after it. */
export function loopProgram(seed: number): LoopProgram {
  const random = new Random(seed);
  const tells = random.below(4) === 0;
  const step = (): Step => (STEPS[random.below(STEPS.length)] as (typeof STEPS)[0])(random);
  const actors = 2 + random.below(2);
  const loops = 1 + random.below(2);
  const bodies = Array.from({ length: actors }, (_, actor) => {
    const body = Array.from({ length: 1 + random.below(3) }, step);
    if (actor < loops) body.splice(random.below(body.length + 1), 0, loop(random));
    return body;
  });
  if (tells) (bodies[actors - 1] as Step[]).push(look);
  let first = 0;
  const build = (): Program => {
    const words = staticWords(WORDS);
    const own = staticWords(ACTORS_MAX);
    first = words;
    const read: number[][] = [];
    return {
      actors: onCpus(
        ...bodies.map(
          (body, actor) =>
            function* (): Kernel<void> {
              const desk = { words, own, actor, read: [] };
              read[actor] = desk.read;
              for (const each of body) yield* each(desk);
            },
        ),
      ),
      outcome: () => `${read.join(' ')} | ${memory.words.slice(words, words + WORDS).join(' ')}`,
    };
  };
  const isShared = (word: number): boolean => word >= first && word < first + WORDS;
  return { cpus: actors, staticWords: 64, build, tells, isShared };
}

/** Every schedule of the steps that others can see in which nobody turns too often while the shared words stay as they are. */
export class Turning extends BruteForce {
  readonly #loop: LoopProgram;
  readonly #relaxes = new Map<number, number>();
  /** In some run all who could move waited for what nobody would change. */
  someoneIsStuck = false;

  constructor(loop: LoopProgram) {
    super();
    this.#loop = loop;
  }

  override begin(): void {
    super.begin();
    this.#relaxes.clear();
  }

  override next(moves: Moves): Turn {
    const count = moves.collect();
    if (count === 0) return TURN_NONE;
    const free = Array.from({ length: count }, (_, i) => i).filter((i) => !this.#hasTurned(moves.mover(i)));
    if (free.length === 0) {
      this.someoneIsStuck = true;
      return TURN_GIVE_UP;
    }
    const alone = free.find((i) => this.#isAlone(moves.mover(i)));
    moves.take(alone ?? (free[this.choose(0, free.length)] as number));
    return TURN_MADE;
  }

  /** Whether nobody else can tell when a step is made: each actor has a CPU of its own. */
  #isAlone({ cell }: Context): boolean {
    if (cell.kind === OP_START || cell.kind === OP_RELAX) return true;
    return !this.#loop.tells && !this.#loop.isShared(cell.word);
  }

  #hasTurned({ process, cell }: Context): boolean {
    return cell.kind === OP_RELAX && (this.#relaxes.get(process) ?? 0) >= TURNS;
  }

  moving({ process, cell }: Context): void {
    if (cell.kind === OP_RELAX) this.#relaxes.set(process, 1 + (this.#relaxes.get(process) ?? 0));
    else if (cell.kind !== OP_LOAD && this.#loop.isShared(cell.word)) this.#relaxes.clear();
  }
}

/** All outcomes that a strategy sees until it is finished, with how many runs it made and had findings; null: more than `most` runs, or somebody is stuck. */
export function outcomesOf(
  loop: LoopProgram,
  strategy: Strategy,
  most: number,
): { readonly outcomes: Set<string>; readonly runs: number; readonly findings: number } | null {
  const machine = new ModelMachine(loop.build, strategy, {
    settings: { cpus: loop.cpus, lock: 'tas', oracles: false },
    slots: {},
    staticWords: loop.staticWords,
    stepLimit: 2000,
  });
  const outcomes = new Set<string>();
  let findings = 0;
  let runs = 0;
  for (; strategy.finished?.() !== true; runs++) {
    if (runs === most || tooMany(strategy, runs, most)) return null;
    if (strategy instanceof Turning && strategy.someoneIsStuck) return null;
    const { finding, outcome } = machine.run(runs);
    if (finding !== null) findings++;
    else if (!machine.execution.gaveUp) outcomes.add(outcome ?? '');
  }
  return strategy instanceof Turning && strategy.someoneIsStuck ? null : { outcomes, runs, findings };
}
