/**
 * What multipathd does in a round: whenever a path has failed, it looks at all and reinstates those that are fine.
 */
import { dmWaitEvent } from '../../core/event.ts';
import type { MappedDevice } from '../../core/mapped-device.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Atomic } from '../../shared/word.ts';
import type { SignalTarget } from '../signal-target.ts';

export interface PathWatch {
  /** Submitters that have not come to their end; the last one signals the checker. */
  readonly busy: Atomic;
  readonly checker: SignalTarget;
}

/** A path that fails makes an event. The number is read before the look, so that none is missed. */
export function* checkPaths(
  md: MappedDevice,
  { busy, checker }: PathWatch,
  reinstate: () => Kernel<void>,
): Kernel<void> {
  yield* checker.open();
  for (;;) {
    const eventNr = yield* md.eventNr.read(HERE);
    if ((yield* busy.read(HERE)) === 0) break;
    yield* reinstate();
    yield* dmWaitEvent(md, eventNr);
  }
  yield* checker.close();
}
