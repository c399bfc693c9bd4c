/**
 * I/O as a user does it: submit a bio, perhaps wait for its end.
 */
import { type Bio, bioAlloc, bioPut, endIos, REQ_WRITE, setBioData } from '../block/bio.ts';
import type { BlockDevice } from '../block/block-device.ts';
import { genericMakeRequest } from '../block/submit.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { type Completion, complete, completionField, waitForCompletion } from '../shared/completion.ts';
import { memory } from '../shared/memory.ts';
import { defineStruct, plain, type Struct } from '../shared/struct.ts';
import { endRecord, type IoLog } from './io-log.ts';

export interface UserIo extends Struct {
  /** Valid when `done` is complete. */
  error: number;
  /** First word that was read. */
  value: number;
  /** Its record in a log, 0: none. */
  record: number;
  readonly done: Completion;
}

export const UserIo = defineStruct<UserIo>('user-io', 'io', 24, {
  error: plain,
  value: plain,
  record: plain,
  done: completionField,
});

export interface IoRequest {
  readonly sector: number;
  readonly size: number;
  /** REQ_WRITE, REQ_READA. */
  readonly flags: number;
  /** Each sector is written with `stamp` + its place in the bio. */
  readonly stamp: number;
}

/** Submits an I/O; gives what `waitIo` needs. */
export function* submitIo(bdev: BlockDevice, request: IoRequest, record = 0): Kernel<UserIo> {
  const io = UserIo.alloc();
  const bio = bioAlloc();
  if (io === null || bio === null) report('assertion', '', 'no bio is free for a user');
  io.record = record;
  bio.sector = request.sector;
  bio.size = request.size;
  bio.bioFlags = request.flags;
  bio.bdev = bdev.handle;
  bio.endIo = USER_ENDIO;
  bio.private = io.handle;
  if ((request.flags & REQ_WRITE) !== 0) for (let i = 0; i < request.size; i++) setBioData(bio, i, request.stamp + i);
  yield* genericMakeRequest(bio);
  return io;
}

/** Submits an I/O as entry `entry` of a log. */
export function* submitLoggedIo(bdev: BlockDevice, request: IoRequest, log: IoLog, entry: number): Kernel<UserIo> {
  return yield* submitIo(bdev, request, yield* log.begin(entry, request));
}

/** Waits for the end of an I/O; gives its error and the first word that it read. */
export function* waitIo(io: UserIo): Kernel<{ error: number; value: number }> {
  yield* waitForCompletion(io.done, HERE);
  const { error, value } = io;
  UserIo.free(io);
  return { error, value };
}

const USER_ENDIO = endIos.define('user_endio', function* userEndio(bio: Bio, error): Kernel<void> {
  const io = UserIo.at(bio.private);
  // A split has moved bio.data on; the buffer is the bio's own.
  const data = bio.buffer.word;
  io.error = error;
  io.value = memory.words[data] as number;
  if (io.record !== 0) yield* endRecord(io.record, error, data);
  yield* bioPut(bio, HERE);
  // The waiter may free the record as soon as it is complete.
  yield* complete(io.done, HERE);
});
