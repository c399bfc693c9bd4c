/**
 * How a round ends for a CPU that is in the middle of kernel code.
 */

/** Unwinds kernel code when the round ends before its tasks do. */
export class RoundStopped extends Error {
  constructor() {
    super('the round is over');
    this.name = 'RoundStopped';
  }
}

/** Bit of CPU_PENDING that is no interrupt line: the machine stops the round. */
export const PENDING_STOP = 1 << 30;
