/**
 * What a search strategy sees and decides: which possible move comes next, and the choices that are not moves.
 */
import type { ChoiceKind } from '../machine/kernel.ts';

/** The CPU goes on with what it runs. */
export const MOVE_STEP = 0;
/** The CPU switches to another of its tasks. */
export const MOVE_SWITCH = 1;
/** The CPU takes a pending interrupt line. */
export const MOVE_IRQ = 2;

/** The moves that an execution offers. */
export interface Moves {
  /** Whether this CPU can go on with what it runs; cheaper than collecting all moves. */
  canStep(cpu: number): boolean;
  /** Goes on with what this CPU runs. */
  step(cpu: number): void;
  /** Looks for all moves; gives how many there are. */
  collect(): number;
  /** CPU of the i-th collected move. */
  cpuOf(index: number): number;
  /** Makes the i-th collected move. */
  take(index: number): void;
}

export interface Strategy {
  /** Begins run number `run`: all that follows depends on this number and the strategy's seed alone. */
  begin(run: number): void;
  /** Makes the next move; false when there is none. */
  next(moves: Moves): boolean;
  /** One of 0 … count − 1. */
  choose(kind: ChoiceKind, count: number): number;
}
