/**
 * Long work that lets the process hear signals now and then.
 */
import { setImmediate } from 'node:timers/promises';

/** Between two looks at signals, in milliseconds. */
export const LOOK_MS = 50;

/** Does work that gives way between its steps. Gives null when `stops` has said so, which is asked after each step. */
export async function inTurns<T>(work: Generator<void, T, void>, stops: () => boolean): Promise<T | null>;
export async function inTurns<T>(work: Generator<void, T, void>): Promise<T>;
export async function inTurns<T>(work: Generator<void, T, void>, stops = (): boolean => false): Promise<T | null> {
  let looked = performance.now();
  for (;;) {
    const turn = work.next();
    if (turn.done === true) return turn.value;
    if (stops()) return null;
    if (performance.now() - looked < LOOK_MS) continue;
    await setImmediate();
    looked = performance.now();
  }
}
