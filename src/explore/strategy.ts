/**
 * The choice model: what a search strategy sees and decides.
 *
 * A run is a list of choices. At each choice point the execution shows what is possible and the strategy answers with an index:
 *
 *   schedule   which context moves next: the task of a CPU, another task of it, an interrupt that is pending on it. Each
 *              alternative is a context whose cell holds its pending operation: kind, word, site (`Moves`)
 *   data       one of 0 … count − 1, asked in the middle of a step (`choose`): which alarm goes off, which CPU is interrupted,
 *              what a scenario leaves open, and, within a budget, what seldom happens (choices.ts). 0 is what usually happens
 *
 * Each context has a process number. It is the same in each run that begins with the same choices, so the numbers, with the data
 * choices between them, are the run (ChoiceList in choices.ts).
 */
import type { ChoiceKind } from '../machine/kernel.ts';
import type { Part } from '../shared/program.ts';
import type { Context } from './context.ts';

/** The strategy has made a move. */
export const TURN_MADE = 1;
/** No move is possible. */
export const TURN_NONE = 0;
/** The rest of the run would show nothing new: it is abandoned. */
export const TURN_GIVE_UP = -1;
export type Turn = 1 | 0 | -1;

/** The moves that an execution offers. */
export interface Moves {
  /** Whether this CPU can go on with what it runs; cheaper than collecting all moves. */
  canStep(cpu: number): boolean;
  /** Goes on with what this CPU runs. */
  step(cpu: number): void;
  /** Looks for all moves; gives how many there are. */
  collect(): number;
  /** Who makes the i-th collected move; its cell holds the operation that it would run. */
  mover(index: number): Context;
  /** Makes the i-th collected move. */
  take(index: number): void;
}

export interface Strategy {
  /** Begins run number `run`: all that follows depends on this number and on what the strategy was made with. */
  begin(run: number): void;
  /** Makes the next move. */
  next(moves: Moves): Turn;
  /** One of 0 … count − 1. */
  choose(kind: ChoiceKind, count: number): number;
  /** Hears each step of a run before it is made, those too that others than `next` made. */
  moving?(context: Context): void;
  /** Another part of the program begins: the tasks that are started until the next step are started by nobody, after all there was. */
  part?(part: Part): void;
  /** The run has become so long that it goes on in a fair way, whatever the strategy is. Heard once a run. */
  tookTooLong?(): void;
  /** The step that was heard last has freed the slot at this address, or started this context. */
  freed?(slot: number): void;
  spawned?(child: Context): void;
  /** The run is over or given up; `pending` are those who have not ended. */
  end?(pending: Iterable<Context>): void;
  /** True when every run there is has been made. */
  finished?(): boolean;
}
