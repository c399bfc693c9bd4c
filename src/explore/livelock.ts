/**
 * Whether a run has no end because those who can move get nowhere: livelocks. Step limits are the last resort.
 *
 *   standing still   everybody who can move has relaxed so many times since anything was last changed; an interrupt that is
 *                    pending and may enter is one of them, so that nothing is certain before it has run
 *   getting nowhere  under fair scheduling, so many steps in which only the kernel's own threads, interrupts and timers could move
 *   going round      under fair scheduling, the same memory with the same pending operations has come back so many times
 *
 * Verdicts need fairness: while somebody who can move is not let on, the others may well wait for him. So a run that has become very
 * long goes on in rounds, in which each of those who can move moves once, whatever the strategy is. What seldom happens no longer
 * does, and data choices get each answer in turn. Timers wait until nobody can move, or for many rounds: a task that polls by a timer
 * would be woken before it has gone to sleep, and keep others from its CPU for ever.
 */
import { OP_IRQ_OFF, OP_IRQ_ON, OP_RELAX } from '../machine/kernel.ts';
import { siteText } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import type { Context, ModelCpu } from './context.ts';
import { GIVES, LOADS, TAKES } from './kinds.ts';
import { contextName } from './places.ts';

/** A loop that gives up after some tries is none: few allow themselves so many. */
const RELAXES = 256;
/** Looking, and taking a lock for it, changes nothing for others. */
const CHANGES_NOTHING: readonly number[] = [...LOADS, ...TAKES, ...GIVES, OP_IRQ_OFF, OP_IRQ_ON];
const changes: readonly boolean[] = Array.from({ length: 32 }, (_, kind) => !CHANGES_NOTHING.includes(kind));

/**
 * Threads of the kernel's own that have kept others waiting for so long may have been let on before them by the strategy: from here on
 * each has his turn. If they still keep to themselves after so many steps, in which all timers have gone off, it is for ever.
 */
export const ALONE_PATIENCE = 4000;
export const ALONE_MAX = 44_000;

/** Counts how often who has relaxed since anything was changed, and for how many steps the kernel has been alone. */
export class StandingStill {
  /** Numbers the stretches in which nothing was changed. */
  #stretch = 0;
  /** Steps since a task that is none of the kernel's own threads has moved. */
  alone = 0;
  /** Somebody has relaxed often: it is worth looking at the others. */
  suspected = false;

  /** A step is about to be made. */
  moving(context: Context): void {
    const { kind, killable } = context.cell;
    this.alone = killable ? 0 : this.alone + 1;
    if (kind === OP_RELAX) {
      if (context.relaxedIn !== this.#stretch) {
        context.relaxedIn = this.#stretch;
        context.relaxes = 0;
      }
      if (++context.relaxes >= RELAXES && context.relaxes % RELAXES === 0) this.suspected = true;
    } else if (changes[kind] === true) this.#stretch++;
  }

  /** Whether each of those who can move has. If nobody can, the last one has given its loop up. */
  isCertain(movers: readonly Context[]): boolean {
    this.suspected = false;
    return (
      movers.length > 0 && movers.every(({ relaxedIn, relaxes }) => relaxedIn === this.#stretch && relaxes >= RELAXES)
    );
  }
}

/** Between two looks at memory, in rounds; and how often the same must come back. */
const STRIDE = 16;
const RETURNS = 8;
/** So many looks at memory lie between two timers while others can move. */
const PATIENCE = 64;

/** Chooses in rounds, and remembers what it has seen between them. */
export class FairRounds {
  #last = -1;
  #rounds = 0;
  #looks = 0;
  #answers = 0;
  readonly #seen = new Map<number, number>();

  begin(): void {
    this.#last = -1;
    this.#rounds = 0;
    this.#looks = 0;
    this.#answers = 0;
    this.#seen.clear();
  }

  /** The index of who comes after the one that has moved last. */
  pick(movers: readonly Context[]): number {
    let first = 0;
    let next = -1;
    movers.forEach(({ process }, index) => {
      if (process < (movers[first] as Context).process) first = index;
      if (process > this.#last && (next < 0 || process < (movers[next] as Context).process)) next = index;
    });
    if (next < 0) this.#rounds++;
    const chosen = next < 0 ? first : next;
    this.#last = (movers[chosen] as Context).process;
    return chosen;
  }

  answer(count: number): number {
    return this.#answers++ % count;
  }

  /** Whether the others have had time enough for a timer to go off; if so, the time begins again. */
  timersAreDue(): boolean {
    if (this.#looks < PATIENCE) return false;
    this.#looks = 0;
    return true;
  }

  /** Whether the run has come to the same point often. Asked before each step. */
  goesRound(cpus: readonly ModelCpu[]): boolean {
    if (this.#rounds < STRIDE) return false;
    this.#rounds = 0;
    this.#looks++;
    const state = stateOf(cpus);
    const times = (this.#seen.get(state) ?? 0) + 1;
    this.#seen.set(state, times);
    return times >= RETURNS;
  }
}

/** All of memory, and what everybody is about to do. */
function stateOf(cpus: readonly ModelCpu[]): number {
  let hash = 0;
  const fold = (value: number): void => {
    hash = Math.imul(hash ^ value, 0x9e3779b1);
    hash ^= hash >>> 15;
  };
  for (const word of memory.words) fold(word);
  for (const { interrupts, tasks } of cpus)
    for (const { process, cell } of [...interrupts, ...tasks]) {
      fold(process);
      fold(cell.kind);
      fold(cell.word);
      fold(cell.site);
    }
  return hash;
}

/** Where those who can move are: `waiter0 at waitForFlag (…); …`. */
export function whereTheyAre(movers: readonly Context[]): string {
  return movers.map((context) => `${contextName(context)} at ${siteText(context.cell.site)}`).join('; ');
}
