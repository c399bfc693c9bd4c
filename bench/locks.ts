/**
 * Lock pairs and bios on one CPU, in units of a raw compareExchange + store pair taken in the same run.
 */
import { bioAlloc, bioPut, endIos, REQ_WRITE } from '../src/block/bio.ts';
import { BlockDevice } from '../src/block/block-device.ts';
import { addDisk, declareMedia } from '../src/block/disk.ts';
import { genericMakeRequest } from '../src/block/submit.ts';
import { dmCreate, dmTableLoad, doResume } from '../src/core/ioctl.ts';
import type { Kernel } from '../src/machine/kernel.ts';
import { resolved } from '../src/machine/kernel.ts';
import { submitIo, waitIo } from '../src/scenarios/user-io.ts';
import { memory, staticWords } from '../src/shared/memory.ts';
import { declareRwSemaphore, downRead, type RwSemaphore, upRead } from '../src/shared/rw-semaphore.ts';
import {
  declareSpinLock,
  type SpinLock,
  spinLock,
  spinLockIrqsave,
  spinUnlock,
  spinUnlockIrqrestore,
} from '../src/shared/spinlock.ts';
import { bestNs, solo } from './solo.ts';

function rawPairs(word: number, count: number): void {
  const w = memory.words;
  for (let i = 0; i < count; i++) {
    if (Atomics.compareExchange(w, word, 0, 1) !== 0) throw new Error('the raw pair is contended');
    Atomics.store(w, word, 0);
  }
}

function* plainPairs(lock: SpinLock, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) {
    yield* spinLock(lock, HERE);
    yield* spinUnlock(lock, HERE);
  }
}

function* irqsavePairs(lock: SpinLock, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) {
    const saved = yield* spinLockIrqsave(lock, HERE);
    yield* spinUnlockIrqrestore(lock, saved, HERE);
  }
}

function* rwsemPairs(sem: RwSemaphore, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) {
    yield* downRead(sem, HERE);
    yield* upRead(sem, HERE);
  }
}

const BENCH_ENDIO = endIos.define('bench_endio', (bio) => bioPut(bio, HERE));

/** One bio after the other: allocate, submit, end. The disk is immediate, so each has ended when its submission returns. */
function* linearBios(bdev: BlockDevice, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) {
    const bio = bioAlloc();
    if (bio === null) throw new Error('a bio did not come back');
    bio.sector = i & 7;
    bio.size = 1;
    bio.bioFlags = REQ_WRITE;
    bio.bdev = bdev.handle;
    bio.endIo = BENCH_ENDIO;
    yield* genericMakeRequest(bio);
  }
}

export function single(): void {
  let lock: SpinLock;
  let sem: RwSemaphore;
  let word = 0;
  let media = 0;
  solo(
    function* body(): Kernel<void> {
      const unit = yield* bestNs(20, 200_000, (n) => resolved(rawPairs(word, n)));
      const plain = yield* bestNs(20, 100_000, (n) => plainPairs(lock, n));
      const irqsave = yield* bestNs(20, 100_000, (n) => irqsavePairs(lock, n));
      const rwsem = yield* bestNs(20, 100_000, (n) => rwsemPairs(sem, n));
      yield* addDisk({ name: 'disk0', minor: 0, sectors: 8, mode: 'inline' }, media);
      const md = yield* dmCreate({ name: 'dm0', minor: 0 });
      if (typeof md === 'number') throw new Error(String(md));
      yield* dmTableLoad(md, '0 8 linear disk0 0');
      yield* doResume(md, 0);
      const bdev = BlockDevice.at(md.bdev);
      // The first bio is deferred and sleeps until kdmflush has emptied the list: from then on bios are mapped directly.
      yield* waitIo(yield* submitIo(bdev, { sector: 0, size: 1, flags: REQ_WRITE, stamp: 1 }));
      const bio = yield* bestNs(20, 20_000, (n) => linearBios(bdev, n));
      console.log({
        unit,
        plain: plain / unit,
        irqsave: irqsave / unit,
        rwsem: rwsem / unit,
        bioNs: bio,
        bio: bio / unit,
      });
    },
    {
      declare() {
        lock = declareSpinLock('&bench');
        sem = declareRwSemaphore('&bench_sem');
        word = staticWords(1);
        media = declareMedia(8);
      },
    },
  );
}
