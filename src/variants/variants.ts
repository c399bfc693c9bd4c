/**
 * Which variant of the core a machine runs: a preset, with a bug or without.
 */
import { bindSubmitEngine } from '../block/submit.ts';
import { bindSeams, type Seams } from '../core/seams.ts';
import type { Bug } from './bug.ts';
import { decPendingErrorRmw } from './bugs/dec-pending-error-rmw.ts';
import { ioFreedAfterEndio } from './bugs/io-freed-after-endio.ts';
import { nfCheckThenQueueUnlocked } from './bugs/nf-check-then-queue-unlocked.ts';
import { nfErrorExitSkipsFlush } from './bugs/nf-error-exit-skips-flush.ts';
import { nfFlagAfterPresuspend } from './bugs/nf-flag-after-presuspend.ts';
import { nfLockfsUnderNoflush } from './bugs/nf-lockfs-under-noflush.ts';
import { nfMergeOrderTail } from './bugs/nf-merge-order-tail.ts';
import { nfPushbackAfterWakeup } from './bugs/nf-pushback-after-wakeup.ts';
import { noflushResizeInodeMutex } from './bugs/noflush-resize-inode-mutex.ts';
import { canaries } from './canaries.ts';
import { requireLegal } from './legal.ts';
import { presets } from './presets.ts';

export const bugs: readonly Bug[] = [
  nfCheckThenQueueUnlocked,
  nfPushbackAfterWakeup,
  nfFlagAfterPresuspend,
  nfMergeOrderTail,
  decPendingErrorRmw,
  ioFreedAfterEndio,
  nfLockfsUnderNoflush,
  nfErrorExitSkipsFlush,
  noflushResizeInodeMutex,
];

/** A preset and perhaps a bug or canary, by name: what every worker of a machine installs at boot. */
export interface VariantChoice {
  readonly preset: string;
  readonly bug: string | null;
}

export function findBug(id: string): Bug | undefined {
  return bugs.find((bug) => bug.id === id);
}

/** Installs the seams of a variant on this thread. The names must exist; the command line checks them. */
export function installVariant(choice: VariantChoice): void {
  const preset = presets.find((each) => each.name === choice.preset);
  const bug = choice.bug === null ? undefined : (findBug(choice.bug) ?? canaries.find(({ id }) => id === choice.bug));
  if (preset === undefined || (choice.bug !== null && bug === undefined))
    throw new Error(`there is no preset ${choice.preset} with bug ${choice.bug}`);
  const seams: Seams = { ...preset.seams, ...bug?.swaps };
  requireLegal(choice.preset, seams);
  bindSeams(seams);
  bindSubmitEngine(seams.engine);
}
