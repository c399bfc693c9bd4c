/**
 * Paths fail and are reinstated.
 *
 * Models fail_path and reinstate_path of dm-mpath.c (2.6.20).
 */
import {
  deviceNumber,
  type Kernel,
  mappedDeviceNumber,
  printk,
  spinLockIrqsave,
  spinUnlockIrqrestore,
} from '../../core/device-mapper.ts';
import { groupOf, kickEvent, kickQueue, type Multipath, ownerOf, type Pgpath, said, targetOf } from './multipath.ts';
import { selectorOf } from './path-selector.ts';

/** Takes a path out of service; nothing happens when it is out already. Any context. */
export function* failPath(pgpath: Pgpath): Kernel<void> {
  const m = ownerOf(pgpath);
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  if (pgpath.isActive !== 0) {
    takeOut(m, pgpath);
    yield* kickEvent(m);
  }
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
}

function takeOut(m: Multipath, pgpath: Pgpath): void {
  printk(`device-mapper: multipath: ${mappedDeviceNumber(targetOf(m))}: Failing path ${deviceNumber(pgpath.device)}.`);
  const pg = groupOf(pgpath);
  selectorOf(pg).failPath(pg, pgpath);
  pgpath.isActive = 0;
  pgpath.failCount++;
  m.nrValidPaths--;
  if (m.currentPgpath === pgpath.handle) m.currentPgpath = 0;
  said(m);
}

/** Puts a path back into service; nothing happens when it is in. What waits for the first path is looked at again. */
export function* reinstatePath(pgpath: Pgpath): Kernel<void> {
  const m = ownerOf(pgpath);
  const saved = yield* spinLockIrqsave(m.lock, HERE);
  if (pgpath.isActive === 0) {
    const pg = groupOf(pgpath);
    selectorOf(pg).reinstatePath(pg, pgpath);
    pgpath.isActive = 1;
    m.currentPgpath = 0;
    m.nrValidPaths++;
    said(m);
    if (m.nrValidPaths === 1 && m.queueSize > 0) yield* kickQueue(m);
    yield* kickEvent(m);
  }
  yield* spinUnlockIrqrestore(m.lock, saved, HERE);
}
