/**
 * Presets: one mechanism for each seam. A preset must be clean.
 */
import { depthFirst } from '../block/submit.ts';
import { heldForLife, iSizeWrite } from '../core/bdev-policy.ts';
import { dmQueueFlush } from '../core/deferred.ts';
import { endIoAcct, finishIo, parkPushback } from '../core/end-io.ts';
import { flushAndOut, freezeUnlessNoflush } from '../core/lock-fs.ts';
import type { Seams } from '../core/seams.ts';
import { queueIo } from '../core/submit.ts';
import { dmWaitForCompletion, mergePushback } from '../core/suspend.ts';

export interface Preset {
  readonly name: string;
  readonly title: string;
  readonly seams: Seams;
}

/** The default core of spec E1: no known bug. */
const unified: Preset = {
  name: 'unified',
  title: 'kdmflush, pushback list, depth-first submission, one piece then the remainder; no known bug',
  seams: {
    engine: depthFirst,
    splitRemainder: true,
    parkPushback,
    mergePushback,
    finishIo,
    endIoAcct,
    waitForCompletion: dmWaitForCompletion,
    dispatchDeferred: dmQueueFlush,
    mayFreeze: freezeUnlessNoflush,
    flushAndOut,
    bdevPolicy: heldForLife,
    iSizeWrite,
    queueIo,
  },
};

export const presets: readonly Preset[] = [unified];
