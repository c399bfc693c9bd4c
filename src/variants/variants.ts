/**
 * Which variant of the core a machine runs: a preset, with a bug or without.
 */
import { bindDoOrdered } from '../block/peek-request.ts';
import { bindSubmitEngine } from '../block/submit.ts';
import { bindSeams, type Seams } from '../core/seams.ts';
import { bindMultipathSeams } from '../targets/multipath/seams.ts';
import { multipathSeams } from '../targets/multipath/target.ts';
import type { Bug } from './bug.ts';
import { barrierOverPushback } from './bugs/barrier-over-pushback.ts';
import { bioBarrierLastErrorWins } from './bugs/bio-barrier-last-error-wins.ts';
import { bioBarrierRequeueInEndio } from './bugs/bio-barrier-requeue-in-endio.ts';
import { cloneFreedAfterDecPending } from './bugs/clone-freed-after-dec-pending.ts';
import { congestedDestroysTable } from './bugs/congested-destroys-table.ts';
import { decPendingErrorRmw } from './bugs/dec-pending-error-rmw.ts';
import { deferredFlushUnderIoLock } from './bugs/deferred-flush-under-io-lock.ts';
import { dmPutFreesInIrq } from './bugs/dm-put-frees-in-irq.ts';
import { findDeviceHalfCreated } from './bugs/find-device-half-created.ts';
import { flushFanOutInMakeRequest } from './bugs/flush-fan-out-in-make-request.ts';
import { idrFindsDyingMd } from './bugs/idr-finds-dying-md.ts';
import { inlineDispatchEndSubmits } from './bugs/inline-dispatch-end-submits.ts';
import { interruptedAlthoughDrained } from './bugs/interrupted-although-drained.ts';
import { interruptedSuspendLimbo } from './bugs/interrupted-suspend-limbo.ts';
import { ioFreedAfterEndio } from './bugs/io-freed-after-endio.ts';
import { kdmflushDestroysItself } from './bugs/kdmflush-destroys-itself.ts';
import { mapLockNotIrqsafe } from './bugs/map-lock-not-irqsafe.ts';
import { mdLockSingle } from './bugs/md-lock-single.ts';
import { mergedListPushbackAtTail } from './bugs/merged-list-pushback-at-tail.ts';
import { mpathActivateNullPath } from './bugs/mpath-activate-null-path.ts';
import { mpathBusyBlocksItself } from './bugs/mpath-busy-blocks-itself.ts';
import { mpathEndioPlainLock } from './bugs/mpath-endio-plain-lock.ts';
import { mpathEventWorkAfterFree } from './bugs/mpath-event-work-after-free.ts';
import { mpathFreezeBeforeNoqueue } from './bugs/mpath-freeze-before-noqueue.ts';
import { mpathPgInitNotAwaited } from './bugs/mpath-pg-init-not-awaited.ts';
import { mpathPgInitOverlap } from './bugs/mpath-pg-init-overlap.ts';
import { nfCheckThenQueueUnlocked } from './bugs/nf-check-then-queue-unlocked.ts';
import { nfCompleteAndPushBack } from './bugs/nf-complete-and-push-back.ts';
import { nfDeferredUnderIolockInIrq } from './bugs/nf-deferred-under-iolock-in-irq.ts';
import { nfErrorExitLeaksFlag } from './bugs/nf-error-exit-leaks-flag.ts';
import { nfErrorExitSkipsFlush } from './bugs/nf-error-exit-skips-flush.ts';
import { nfErrorOverridesRequeue } from './bugs/nf-error-overrides-requeue.ts';
import { nfFlagAfterPresuspend } from './bugs/nf-flag-after-presuspend.ts';
import { nfFlushAfterUnlock } from './bugs/nf-flush-after-unlock.ts';
import { nfLockfsUnderNoflush } from './bugs/nf-lockfs-under-noflush.ts';
import { nfMapRequeueUnhandled } from './bugs/nf-map-requeue-unhandled.ts';
import { nfMergeOrderTail } from './bugs/nf-merge-order-tail.ts';
import { nfPushbackAfterWakeup } from './bugs/nf-pushback-after-wakeup.ts';
import { nfPushbackLockIrqsOn } from './bugs/nf-pushback-lock-irqs-on.ts';
import { nfRefusedInSuccess } from './bugs/nf-refused-in-success.ts';
import { noflushQueryPutsMd } from './bugs/noflush-query-puts-md.ts';
import { noflushResizeInodeMutex } from './bugs/noflush-resize-inode-mutex.ts';
import { nullMapWindowInSwap } from './bugs/null-map-window-in-swap.ts';
import { queueIoEnablesIrqs } from './bugs/queue-io-enables-irqs.ts';
import { rqCompleteUnmappedClone } from './bugs/rq-complete-unmapped-clone.ts';
import { rqRequeueBusyLoop } from './bugs/rq-requeue-busy-loop.ts';
import { rqRequeueNoRun } from './bugs/rq-requeue-no-run.ts';
import { rqRunQueueRecursion } from './bugs/rq-run-queue-recursion.ts';
import { rqbAllocInRequestFn } from './bugs/rqb-alloc-in-request-fn.ts';
import { rqbCloneReadAfterFree } from './bugs/rqb-clone-read-after-free.ts';
import { rqbDrainAssumption } from './bugs/rqb-drain-assumption.ts';
import { rqbErrorStoreRace } from './bugs/rqb-error-store-race.ts';
import { rqbFlushwqBeforeStop } from './bugs/rqb-flushwq-before-stop.ts';
import { rqbKillFlagShared } from './bugs/rqb-kill-flag-shared.ts';
import { rqbOriginalCompletedPerClone } from './bugs/rqb-original-completed-per-clone.ts';
import { rqbOriginalRequeuedPerClone } from './bugs/rqb-original-requeued-per-clone.ts';
import { rqbPcStatusCopy } from './bugs/rqb-pc-status-copy.ts';
import { rqbPrecedenceEopnotsupp } from './bugs/rqb-precedence-eopnotsupp.ts';
import { rqbPrecedenceRequeue } from './bugs/rqb-precedence-requeue.ts';
import { rqbPrepClonesFlush } from './bugs/rqb-prep-clones-flush.ts';
import { rqbRunQueueFromFlushEndio } from './bugs/rqb-run-queue-from-flush-endio.ts';
import { rqbSecondFlushRequest } from './bugs/rqb-second-flush-request.ts';
import { rqbSoftirqOnSharedOriginal } from './bugs/rqb-softirq-on-shared-original.ts';
import { rszBdgetStallInSuspendLock } from './bugs/rsz-bdget-stall-in-suspend-lock.ts';
import { suspendWaitNoBarrier } from './bugs/suspend-wait-no-barrier.ts';
import { tableLastPutAnywhere } from './bugs/table-last-put-anywhere.ts';
import { thawWithoutFreeze } from './bugs/thaw-without-freeze.ts';
import { wqWorkNoResched } from './bugs/wq-work-no-resched.ts';
import { canaries } from './canaries.ts';
import type { Canary } from './canary.ts';
import { requireLegal, whyIllegal } from './legal.ts';
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
  deferredFlushUnderIoLock,
  interruptedSuspendLimbo,
  mergedListPushbackAtTail,
  nfCompleteAndPushBack,
  nfDeferredUnderIolockInIrq,
  nfErrorExitLeaksFlag,
  nfErrorOverridesRequeue,
  nfFlushAfterUnlock,
  nfMapRequeueUnhandled,
  nfPushbackLockIrqsOn,
  nfRefusedInSuccess,
  suspendWaitNoBarrier,
  thawWithoutFreeze,
  cloneFreedAfterDecPending,
  inlineDispatchEndSubmits,
  wqWorkNoResched,
  interruptedAlthoughDrained,
  rszBdgetStallInSuspendLock,
  congestedDestroysTable,
  tableLastPutAnywhere,
  nullMapWindowInSwap,
  noflushQueryPutsMd,
  idrFindsDyingMd,
  findDeviceHalfCreated,
  mdLockSingle,
  mpathFreezeBeforeNoqueue,
  mpathPgInitNotAwaited,
  mpathActivateNullPath,
  mpathPgInitOverlap,
  mpathEndioPlainLock,
  mpathEventWorkAfterFree,
  rqbErrorStoreRace,
  rqbPrecedenceEopnotsupp,
  rqbPrecedenceRequeue,
  rqbFlushwqBeforeStop,
  rqbSoftirqOnSharedOriginal,
  rqbOriginalCompletedPerClone,
  rqbOriginalRequeuedPerClone,
  rqbKillFlagShared,
  rqbRunQueueFromFlushEndio,
  rqbSecondFlushRequest,
  rqbAllocInRequestFn,
  rqbPcStatusCopy,
  rqbPrepClonesFlush,
  rqbCloneReadAfterFree,
  rqbDrainAssumption,
  dmPutFreesInIrq,
  mapLockNotIrqsafe,
  rqCompleteUnmappedClone,
  bioBarrierLastErrorWins,
  bioBarrierRequeueInEndio,
  barrierOverPushback,
  flushFanOutInMakeRequest,
  queueIoEnablesIrqs,
  rqRequeueNoRun,
  rqRequeueBusyLoop,
  rqRunQueueRecursion,
  kdmflushDestroysItself,
  mpathBusyBlocksItself,
];

/** A preset and perhaps a bug or canary, by name: what every worker of a machine installs at boot. */
export interface VariantChoice {
  readonly preset: string;
  readonly bug: string | null;
}

export function findBug(id: string): Bug | undefined {
  return bugs.find((bug) => bug.id === id);
}

/** The preset in which a canary sings when `preset` is tested: that one, or unified where it has no place for the mistake. */
export function presetOfCanary(preset: string, canary: Canary): string {
  if (canary.preset !== undefined) return canary.preset;
  const seams = presets.find((each) => each.name === preset)?.seams;
  return seams === undefined || whyIllegal({ ...seams, ...canary.swaps }) !== null ? 'unified' : preset;
}

/** Why a preset has no place for a bug; null: it has. */
export function whyImpossible({ preset, bug }: VariantChoice): string | null {
  const seams = presets.find(({ name }) => name === preset)?.seams;
  return seams === undefined || bug === null ? null : whyIllegal({ ...seams, ...findBug(bug)?.swaps });
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
  bindMultipathSeams({ ...multipathSeams, ...bug?.multipath });
  bindSubmitEngine(seams.engine);
  bindDoOrdered(seams.doOrdered);
}
