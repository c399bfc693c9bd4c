/**
 * Seams of multipath: the small functions in which a historic bug sits, reached through one table like those of the core.
 */
import type { Kernel } from '../../core/device-mapper.ts';
import type { Multipath, Pgpath } from './multipath.ts';

export interface MultipathSeams {
  /** With m->lock held: whether an activation is begun, if there is a path to do it through. */
  readonly mayActivate: (m: Multipath) => boolean;
  /** Begins the activation that was decided on, through `pgpath`. With m->lock not held. */
  readonly activate: (m: Multipath, pgpath: Pgpath, delayUs: number) => Kernel<void>;
  /** In end_io: what becomes of a clone that has failed while no path is left. */
  readonly withoutPaths: (m: Multipath) => Kernel<number>;
  /** Whether a request should wait in the queue of the device. With its queue_lock held. */
  readonly busy: (m: Multipath) => Kernel<number>;
  /** In postsuspend: waits for an activation that is under way. */
  readonly waitForPgInit: (m: Multipath) => Kernel<void>;
  /** In the destructor: waits for the work items that are about to be freed. */
  readonly flushBeforeFree: () => Kernel<void>;
}

/** The seams of this machine. */
export let seams: MultipathSeams;

/** Installs the seams of the next machine of this thread. */
export function bindMultipathSeams(chosen: MultipathSeams): void {
  seams = chosen;
}
