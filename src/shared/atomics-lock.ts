/**
 * The locks, hand-rolled over Atomics and a SharedArrayBuffer: what the rest of the kernel takes.
 *
 * Each lives in the file of its name; this is their one door.
 */
export { Completion, complete, completionField, declareCompletion, waitForCompletion } from './completion.ts';
export {
  assertMutexHeld,
  declareMutex,
  Mutex,
  mutexField,
  mutexLock,
  mutexLockNested,
  mutexOwner,
  mutexUnlock,
} from './mutex.ts';
export {
  assertHeldRead,
  assertHeldWrite,
  declareRwSemaphore,
  downRead,
  downReadNested,
  downWrite,
  downWriteNested,
  RwSemaphore,
  rwSemaphoreField,
  rwSemaphoreOwner,
  upRead,
  upWrite,
} from './rw-semaphore.ts';
export {
  declareRwLock,
  RwLock,
  readLock,
  readLockIrqsave,
  readUnlock,
  readUnlockIrqrestore,
  rwLockField,
  writeLock,
  writeLockIrqsave,
  writeUnlock,
  writeUnlockIrqrestore,
} from './rwlock.ts';
export { declareSemaphore, down, Semaphore, semaphoreField, up } from './semaphore.ts';
export {
  bindSpinLocks,
  declareSpinLock,
  lockdepAssertHeld,
  SpinLock,
  type SpinLockKind,
  spinLock,
  spinLockField,
  spinLockIrq,
  spinLockIrqsave,
  spinLockNested,
  spinLockOwner,
  spinTrylock,
  spinUnlock,
  spinUnlockIrq,
  spinUnlockIrqrestore,
  tasSpinLock,
  ticketSpinLock,
} from './spinlock.ts';
export {
  declareWaitQueue,
  defineWait,
  finishWait,
  freeWait,
  prepareToWait,
  prepareToWaitExclusive,
  scheduleOn,
  WaitEntry,
  WaitQueue,
  waitEvent,
  waitEventExclusive,
  waitQueueField,
  wakeUp,
  wakeUpAll,
} from './wait-queue.ts';
