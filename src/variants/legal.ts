/**
 * Combinations of mechanisms that cannot work (spec E2), each refused with a sentence.
 */
import { recursive } from '../block/submit.ts';
import { waitBehindPushback } from '../core/barrier.ts';
import { dmQueueFlush } from '../core/deferred.ts';
import { parkPushback } from '../core/end-io.ts';
import { flushAndOut } from '../core/lock-fs.ts';
import type { Seams } from '../core/seams.ts';
import { dmRequest, queueIo } from '../core/submit.ts';
import { mergePushback, quiesce } from '../core/suspend.ts';
import {
  flushAndOutInline,
  flushDeferredIo,
  gateByBlockIo,
  mergeUnderIoLock,
  queueIoIfBlocked,
} from './core-2.6.20.ts';
import { clearNoflush, parkAtHead, waitBehindHead } from './core-2.6.33.ts';

interface Rule {
  readonly broken: (seams: Seams) => boolean;
  readonly because: string;
}

const inline = ({ dispatchDeferred }: Seams): boolean => dispatchDeferred === flushDeferredIo;
const byThread = ({ dispatchDeferred }: Seams): boolean => dispatchDeferred === dmQueueFlush;

const RULES: readonly Rule[] = [
  {
    broken: (seams) => seams.splitRemainder && seams.engine === recursive,
    because:
      'the remainder of a split bio is submitted again from inside the driver, and the recursive engine would enter io_lock a second time there',
  },
  {
    broken: (seams) => byThread(seams) && (seams.gate === gateByBlockIo || seams.queueIo === queueIoIfBlocked),
    because: 'kdmflush maps what is deferred after BLOCK_IO is clear, and this gate would let later bios pass it',
  },
  {
    broken: (seams) => inline(seams) && (seams.gate === dmRequest || seams.queueIo === queueIo),
    because: 'bios would be left to kdmflush, and deferred bios are mapped without it',
  },
  {
    broken: (seams) => byThread(seams) && seams.mergePushback === mergeUnderIoLock,
    because: 'kdmflush takes bios off the deferred list under deferred_lock, and this merge does not take it',
  },
  {
    broken: (seams) => inline(seams) && seams.mergePushback === mergePushback,
    because: 'the deferred list is guarded by io_lock there, and deferred_lock guards nothing',
  },
  {
    broken: (seams) => inline(seams) && seams.quiesce === quiesce,
    because: 'a suspend that waits for kdmflush and sets QUEUE_IO_TO_THREAD leaves nobody to clear it',
  },
  {
    broken: (seams) => byThread(seams) && seams.quiesce !== quiesce,
    because: 'kdmflush maps without io_lock, so a suspend must wait for it',
  },
  {
    broken: (seams) => byThread(seams) && seams.flushAndOut === flushAndOutInline,
    because: 'what a failed suspend lets go would be mapped without kdmflush, beside it',
  },
  {
    broken: (seams) => (seams.parkPushback === parkAtHead) !== (seams.mergePushback === clearNoflush),
    because: 'what is pushed back lies on the list of the one, and the other looks at the list of its own',
  },
  {
    broken: ({ parkPushback: park, barrierMayGoOn }) =>
      (park === parkPushback && barrierMayGoOn === waitBehindHead) ||
      (park === parkAtHead && barrierMayGoOn === waitBehindPushback),
    because: 'a barrier would look for what was pushed back on a list where nothing is',
  },
  {
    broken: (seams) => inline(seams) && seams.parkPushback === parkAtHead,
    because: 'the deferred list is guarded by io_lock there, which cannot be had in an interrupt',
  },
  {
    broken: (seams) => inline(seams) && seams.flushAndOut === flushAndOut,
    because: 'what a failed suspend lets go would be left to kdmflush, which maps nothing here',
  },
];

/** Why these mechanisms cannot be combined, or null. */
export function whyIllegal(seams: Seams): string | null {
  return RULES.find(({ broken }) => broken(seams))?.because ?? null;
}

/** Throws when the seams of a variant cannot be combined. */
export function requireLegal(name: string, seams: Seams): void {
  const reason = whyIllegal(seams);
  if (reason !== null) throw new Error(`the variant ${name} cannot be: ${reason}`);
}
