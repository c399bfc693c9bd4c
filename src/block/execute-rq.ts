/**
 * A command to a device as it is, past file systems and the order of reads and writes.
 *
 * Models blk_execute_rq and blk_end_sync_rq (2.6.33). Such a request is no barrier and kept behind none (spec B15).
 */
import { bugOn } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { type Completion, complete, completionField, waitForCompletion } from '../shared/completion.ts';
import { spinLockIrq, spinUnlockIrq } from '../shared/spinlock.ts';
import { defineStruct, plain, type Struct } from '../shared/struct.ts';
import { __elvAddRequest, ELEVATOR_INSERT_BACK } from './elevator.ts';
import { __blkPutRequest } from './end-request.ts';
import { getRequestWait } from './make-request.ts';
import { REQ_TYPE_BLOCK_PC, requestEndIos } from './request.ts';
import { RequestQueue } from './request-queue.ts';

interface SyncCommand extends Struct {
  /** What the device said: valid when `done` is complete. */
  errors: number;
  readonly done: Completion;
}

const SyncCommand = defineStruct<SyncCommand>('sync-command', 'command', 4, {
  errors: plain,
  done: completionField,
});

/** Sends `cmd` and waits for its end; gives what the device said: 0 or an error. Process context. */
export function* blkExecuteRq(q: RequestQueue, cmd: number): Kernel<number> {
  const command = SyncCommand.alloc();
  bugOn(command === null, 'more commands at once than there are slots for');
  if (command === null) return 0;
  yield* spinLockIrq(q.queueLock, HERE);
  const rq = yield* getRequestWait(q);
  rq.cmdType = REQ_TYPE_BLOCK_PC;
  rq.cmd = cmd;
  rq.endIo = END_SYNC_RQ;
  rq.endIoData = command.handle;
  yield* __elvAddRequest(q, rq, ELEVATOR_INSERT_BACK);
  yield* spinUnlockIrq(q.queueLock, HERE);
  yield* waitForCompletion(command.done, HERE);
  const { errors } = command;
  SyncCommand.free(command);
  return errors;
}

const END_SYNC_RQ = requestEndIos.define('blk_end_sync_rq', function* endSyncRq(rq, error): Kernel<void> {
  const command = SyncCommand.at(rq.endIoData);
  // It may also fail without having come to a device.
  command.errors = rq.errors === 0 ? error : rq.errors;
  yield* __blkPutRequest(RequestQueue.at(rq.queue), rq);
  yield* complete(command.done, HERE);
});
