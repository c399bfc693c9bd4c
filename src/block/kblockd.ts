/**
 * kblockd: the one thread that runs queues for those who cannot do it themselves.
 *
 * Models kblockd_workqueue of blk-core.c, which the kernel makes when it boots. Here the first queue makes it and the last one
 * destroys it.
 */
import { createSinglethreadWorkqueue, defineWorker, destroyWorkqueue, Workqueue } from '../irq/workqueue.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { atBoot } from '../shared/boot.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { declareMutex, type Mutex, mutexLock, mutexUnlock } from '../shared/mutex.ts';
import { cpu } from '../shared/per-cpu.ts';

const KBLOCKD = defineWorker('kblockd');

/** Guards the making and the end of the thread. */
let kblockdMutex: Mutex;
/** Handle of the work queue; then the number of request queues. */
let words = 0;
atBoot('kblockd', () => {
  kblockdMutex = declareMutex('&kblockd_mutex');
  words = staticWords(2);
});

/** For queues, which have a reference on it. */
export function kblockd(): Workqueue {
  return Workqueue.at(memory.words[words] as number);
}

export function* getKblockd(): Kernel<void> {
  const w = memory.words;
  yield* mutexLock(kblockdMutex, HERE);
  if (w[words] === 0) {
    const wq = createSinglethreadWorkqueue(KBLOCKD, cpu);
    if (wq === null) report('assertion', '', 'there is no room for kblockd');
    w[words] = wq.handle;
  }
  (w[words + 1] as number)++;
  yield* mutexUnlock(kblockdMutex, HERE);
}

export function* putKblockd(): Kernel<void> {
  const w = memory.words;
  yield* mutexLock(kblockdMutex, HERE);
  if (--(w[words + 1] as number) === 0) {
    yield* destroyWorkqueue(kblockd(), HERE);
    w[words] = 0;
  }
  yield* mutexUnlock(kblockdMutex, HERE);
}
