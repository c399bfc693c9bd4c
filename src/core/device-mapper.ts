/**
 * What the author of a target sees, and all that a target may import.
 *
 * Models include/linux/device-mapper.h, and stands for the kernel headers that a target includes beside it: memory, locks,
 * work, timers. map and end_io say what to do by a number: 0, an error below 0, or one of the names below.
 */

// I/O.
export { type Bio, bioData, bioEndio, REQ_READA, REQ_WRITE, setBioData } from '../block/bio.ts';
export { type BioList, bioListField } from '../block/bio-list.ts';
export { blkBarrierRq, Request } from '../block/request.ts';
export { genericMakeRequest } from '../block/submit.ts';
// Time and work.
export { addTimer, delTimer, freeTimer, setupTimer, Timer, timerFunctions, usleep } from '../irq/timer.ts';
export {
  createSinglethreadWorkqueue,
  defineWorker,
  destroyWorkqueue,
  flushWorkqueue,
  initWork,
  queueWork,
  Work,
  Workqueue,
  workFunctions,
} from '../irq/workqueue.ts';
// Results, events and the log.
export { EBUSY, EINVAL, EIO, ENOMEM, EOPNOTSUPP } from '../machine/errno.ts';
export { EV_MPATH, emit, listening } from '../machine/events.ts';
export { type Kernel, RMW_ADD, resolved } from '../machine/kernel.ts';
export { printk } from '../machine/log.ts';
export { ops } from '../machine/operations.ts';
// Memory and locks.
export {
  declareMutex,
  lockdepAssertHeld,
  type Mutex,
  mutexLock,
  mutexUnlock,
  type SpinLock,
  spinLockField,
  spinLockIrqsave,
  spinUnlockIrqrestore,
  type WaitQueue,
  waitEvent,
  waitQueueField,
  wakeUp,
} from '../shared/atomics-lock.ts';
export { atBoot } from '../shared/boot.ts';
export { FunctionTable } from '../shared/function-table.ts';
export { memory, staticWords } from '../shared/memory.ts';
export {
  Mempool,
  mempoolAlloc,
  mempoolAllocAtomic,
  mempoolCreate,
  mempoolDestroy,
  mempoolFreer,
  type Pooled,
} from '../shared/mempool.ts';
export { cpu } from '../shared/per-cpu.ts';
export { PlainWord } from '../shared/plain-access.ts';
export { defineStruct, embed, plain, type Struct } from '../shared/struct.ts';
export { TASK_UNINTERRUPTIBLE } from '../shared/task.ts';
// Device-mapper.
export { type BioRecord, bioRecordField, dmBioRecord, dmBioRestore } from './bio-record.ts';
export type { DmTargetIo } from './dm-io.ts';
export type { DmRqTargetIo } from './dm-rq-target-io.ts';
export {
  type DeviceArea,
  DM_ENDIO_DONE,
  DM_ENDIO_INCOMPLETE,
  DM_ENDIO_REQUEUE,
  DM_MAPIO_REMAPPED,
  DM_MAPIO_REQUEUE,
  DM_MAPIO_SUBMITTED,
  DmTarget,
  defineTarget,
  type TargetType,
} from './dm-target.ts';
export { dmDispatchRequest } from './rq-map.ts';
export {
  deviceNumber,
  dmCloseDevice,
  dmDeviceBusy,
  dmGetDevice,
  dmGetMapinfo,
  dmKillUnmapped,
  dmNoflushSuspending,
  dmOpenDevice,
  dmPutDevice,
  dmRemapRequest,
  dmRequeueUnmapped,
  dmRqMapinfo,
  dmTableEvent,
  mappedDeviceNumber,
  parseSector,
  targetDeviceNumber,
} from './target-services.ts';
