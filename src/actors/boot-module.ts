/**
 * What a worker loads by URL to know what to run: the machine itself knows no scenario, no variant and no oracle.
 */
import type { Program } from '../machine/machine.ts';
import type { Task } from '../shared/task.ts';
import type { Wakers } from '../shared/wait-queue.ts';
import type { NoiseLevel, SeamDelay } from './noise.ts';

/** What one round runs. Sent to the workers as JSON; `boot` is the boot module's own business. */
export interface RoundOrder {
  readonly boot: unknown;
  readonly cpus: number;
  readonly noise: NoiseLevel;
  readonly seed: number;
  readonly delay: SeamDelay | null;
}

/** A program, ready to be built in a memory of the right shape. */
export interface Bootable {
  readonly slots: Readonly<Record<string, number>>;
  readonly staticWords: number;
  /** Each part of the program has ended and nothing can move: what is found is the round's finding. */
  readonly atQuiescence?: (() => void) | undefined;
  /** Nothing can move and tasks are left: may say why before the plain deadlock is reported. */
  readonly whenStuck?: (() => void) | undefined;
  /** What a CPU's thread has to say to the main thread when a round is over, in at most so many bytes; '' for nothing. */
  readonly note?: ((bytesMax: number) => string) | undefined;
  /** Asked by the model machine alone: these can never go on while others may; who wakes the sleepers of a queue. */
  readonly whenClosed?: ((tasks: readonly Task[]) => void) | undefined;
  readonly wakersOf?: ((queue: number) => Wakers | null) | undefined;
  /** Runs when the memory is attached: installs locks, seams and listeners, declares static words. */
  build(): Program;
}

export interface BootModule {
  /**
   * Before the first round, in each thread: what the one who started the machine shares with all of them beside its memory, or
   * null; and the thread's CPU, null for the main thread.
   */
  attach?(attachment: unknown, cpu: number | null): void;
  prepare(order: unknown): Bootable;
}
