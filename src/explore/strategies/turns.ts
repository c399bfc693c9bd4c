/**
 * Whose turn it is, and so what a preemption is, where preemptions are counted: a move by another than the last mover while that one
 * could go on. An interrupt that enters is none, and takes nobody's turn: when it cannot go on, who could go on before it can.
 */
import { OP_RELAX, OP_START } from '../../machine/kernel.ts';
import { type Context, FIRST_TASK } from '../context.ts';
import type { Moves } from '../strategy.ts';

/** Who makes so many steps in a row may be waiting in a loop. */
export const SPINS = 200;

/** Whether the last mover, which has made so many steps in a row, can go on with what it does. */
export function couldGoOn({ cell }: Context, steps: number): boolean {
  // To be woken for no reason is not to go on.
  return cell.kind !== OP_RELAX && steps < SPINS && cell.enabled();
}

export const isInterrupt = ({ process }: { readonly process: number }): boolean => process < FIRST_TASK;

/** Whether this move lets an interrupt in. */
export const entersNow = (mover: Context): boolean => isInterrupt(mover) && mover.cell.kind === OP_START;

/** Whose turn it is in a run. */
export class Turns {
  #last = -1;
  #streak = 0;
  /** Whose turn it was when an interrupt entered, by its process. */
  readonly #interrupted = new Map<number, number>();

  begin(): void {
    this.#last = -1;
    this.#streak = 0;
    this.#interrupted.clear();
  }

  get last(): number {
    return this.#last;
  }

  /** Steps in a row of the last mover. */
  get streak(): number {
    return this.#streak;
  }

  /** The process that leaving now would preempt, or −1. */
  goesOn(moves: Moves, count: number): number {
    let process = this.#last;
    let steps = this.#streak;
    while (process !== -1) {
      for (let i = 0; i < count; i++) {
        const mover = moves.mover(i);
        // An interrupt that comes again has the number of the one before.
        if (mover.process === process && !entersNow(mover)) return couldGoOn(mover, steps) ? process : -1;
      }
      process = this.#interrupted.get(process) ?? -1;
      steps = 0;
    }
    return -1;
  }

  /** A step begins, when it was this one's turn. */
  moving(context: Context, goesOn: number): void {
    const { process } = context;
    this.#streak = process === this.#last ? this.#streak + 1 : 1;
    this.#last = process;
    if (!entersNow(context)) return;
    // Whoever this process has interrupted, or been interrupted by, the last time is past.
    for (const [by, whom] of this.#interrupted) if (whom === process) this.#interrupted.set(by, -1);
    this.#interrupted.set(process, goesOn);
  }
}

export const preemptionsText = (count: number): string => `${count} preemption${count === 1 ? '' : 's'}`;
