/**
 * Litmus tests: what can two CPUs see? Small programs that declare every outcome which is allowed.
 *
 * The model machine must see each declared outcome and no other; on real threads, where chance decides, none but those. A
 * program repeats its shot as often as it is asked to: once on the model, where another execution is another shot, and many
 * times on threads, where starting a round costs more than the shot.
 */
import type { FindingKind } from '../../machine/finding.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { ops } from '../../machine/operations.ts';
import { memory, staticWords } from '../../shared/memory.ts';
import { Atomic, Marked } from '../../shared/word.ts';
import type { Scenario } from '../scenario.ts';

export interface LitmusOptions {
  /** How often the program repeats its shot. */
  readonly iterations: number;
}

export type SpinLockName = 'tas' | 'ticket';

export interface Litmus {
  /** `mutual-exclusion/mutex`: the property and what it is tested on. */
  readonly name: string;
  /** The kinds of spinlock on which it holds. */
  readonly spinLocks: readonly SpinLockName[];
  /** A broken program: the finding that it must give, instead of outcomes. */
  readonly finding?: { readonly kind: FindingKind; readonly message: RegExp };
  scenario(options: LitmusOptions): Scenario;
}

export const BOTH_SPIN_LOCKS: readonly SpinLockName[] = ['tas', 'ticket'];

/** Between the outcomes of a program that saw more than one. */
export const OUTCOME_SEPARATOR = ' | ';

/** What one side of a shot works with. */
export interface ShotWords {
  /** Shared words, 0 when a shot begins. */
  readonly shared: readonly Marked[];
  /** Notes what this shot ends with, at a place that only one side writes: 0 … 3. */
  result(place: number, value: number): void;
}

export type Side = (words: ShotWords) => Kernel<void>;

export interface Shot {
  readonly name: string;
  readonly title: string;
  readonly spinLocks?: readonly SpinLockName[];
  /** All that a shot may end with: the results in the order of their places, `0 1`. */
  readonly outcomes: readonly string[];
  readonly finding?: Litmus['finding'];
  readonly shared: number;
  /** How many results there are: 1 to 3. */
  readonly results: number;
  readonly slots?: Readonly<Record<string, number>>;
  /** Words that `sides` declares. */
  readonly staticWords: number;
  /** Declares what the shot needs beside its shared words. */
  sides(shared: readonly Marked[]): ShotProgram;
}

export interface ShotProgram {
  readonly setup?: () => Kernel<void>;
  /** One for each CPU. */
  readonly sides: readonly Side[];
  readonly verify?: () => Kernel<void>;
}

const RESULT_BITS = 2;
const RESULTS_MAX = 3;
const TALLY_WORDS = 1 << (RESULT_BITS * RESULTS_MAX);

/** A litmus test out of a shot, on a machine with so many CPUs: one for each side, and perhaps more. */
export function litmus(shot: Shot, cpus: number): Litmus {
  return {
    name: shot.name,
    spinLocks: shot.spinLocks ?? BOTH_SPIN_LOCKS,
    ...(shot.finding === undefined ? {} : { finding: shot.finding }),
    scenario: ({ iterations }) => ({
      name: scenarioName(shot.name, iterations),
      title: shot.title,
      cpus,
      ...(shot.slots === undefined ? {} : { slots: shot.slots }),
      staticWords: shot.shared + RESULTS_MAX + TALLY_WORDS + 1 + shot.staticWords,
      outcomes: shot.outcomes,
      // After a broken shot one side is stuck, and the others would wait for it on their CPUs for ever.
      build: () => buildShots(shot, shot.finding === undefined ? iterations : 1),
    }),
  };
}

export function scenarioName(name: string, iterations: number): string {
  return `litmus/${name}@${iterations}`;
}

function buildShots(shot: Shot, iterations: number): ReturnType<Scenario['build']> {
  const shared = Array.from({ length: shot.shared }, () => new Marked(staticWords(1)));
  const results = staticWords(RESULTS_MAX);
  const tally = staticWords(TALLY_WORDS);
  const { sides, ...parts } = shot.sides(shared);
  const meeting = new Meeting(sides.length);
  const words: ShotWords = {
    shared,
    result(place, value) {
      memory.words[results + place] = value;
    },
  };
  function* nextShot(first: boolean): Kernel<void> {
    yield* meeting.meet();
    if (first) {
      (memory.words[tally + resultCode(results)] as number)++;
      memory.words.fill(0, results, results + RESULTS_MAX);
      for (const word of shared) yield* word.write(0, HERE);
    }
    yield* meeting.meet();
  }
  return {
    ...parts,
    actors: sides.map((side, cpu) => ({
      name: `side${cpu}`,
      cpu,
      *run(): Kernel<void> {
        for (let i = 0; i < iterations; i++) {
          if (i > 0) yield* nextShot(cpu === 0);
          yield* side(words);
        }
      },
    })),
    outcome: () => seen(tally, resultCode(results), shot.results).join(OUTCOME_SEPARATOR),
  };
}

function resultCode(results: number): number {
  let code = 0;
  for (let place = 0; place < RESULTS_MAX; place++)
    code |= (memory.words[results + place] as number) << (RESULT_BITS * place);
  return code;
}

/** The outcomes that were counted, and that of the last shot. */
function seen(tally: number, last: number, results: number): string[] {
  const texts: string[] = [];
  for (let code = 0; code < TALLY_WORDS; code++)
    if (code === last || memory.words[tally + code] !== 0)
      texts.push(
        Array.from({ length: results }, (_, place) => (code >> (RESULT_BITS * place)) & ((1 << RESULT_BITS) - 1)).join(
          ' ',
        ),
      );
  return texts;
}

/** A place where all sides wait for each other, again and again. Declares one word. */
export class Meeting {
  readonly #arrived: Atomic;
  readonly #sides: number;

  constructor(sides: number) {
    this.#arrived = new Atomic(staticWords(1));
    this.#sides = sides;
  }

  *meet(): Kernel<void> {
    const before = yield* this.#arrived.add(1, HERE);
    const all = before - (before % this.#sides) + this.#sides;
    yield* until(this.#arrived, (arrived) => arrived >= all);
  }
}

/** Turns of a waiting loop before it yields to others. */
const EAGER_TURNS = 200;

/** Waits on its CPU, without any lock, until a word is as it should be. */
export function* until(word: Marked | Atomic, condition: (value: number) => boolean): Kernel<void> {
  for (let turn = 0; !condition(yield* word.read(HERE)); turn++) if (turn >= EAGER_TURNS) yield* ops.relax(HERE);
}

/** Waits on its CPU until something that can only be asked for is so. */
export function* untilAsked(question: () => Kernel<number>, condition: (value: number) => boolean): Kernel<void> {
  for (let turn = 0; !condition(yield* question()); turn++) if (turn >= EAGER_TURNS) yield* ops.relax(HERE);
}
