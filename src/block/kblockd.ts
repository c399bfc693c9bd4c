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
import { staticWords } from '../shared/memory.ts';
import { declareMutex, type Mutex, mutexLock, mutexUnlock } from '../shared/mutex.ts';
import { cpu } from '../shared/per-cpu.ts';
import { PlainWord } from '../shared/plain-access.ts';

const KBLOCKD = defineWorker('kblockd');

/** Guards the making and the end of the thread. */
let kblockdMutex: Mutex;
/** Handle of the work queue, and the number of request queues. */
let queue: PlainWord;
let users: PlainWord;
atBoot('kblockd', () => {
  kblockdMutex = declareMutex('&kblockd_mutex');
  queue = new PlainWord(staticWords(1));
  users = new PlainWord(staticWords(1));
});

/** For queues, which have a reference on it. */
export function kblockd(): Workqueue {
  return Workqueue.at(queue.value);
}

export function* getKblockd(): Kernel<void> {
  yield* mutexLock(kblockdMutex, HERE);
  if (queue.value === 0) {
    const wq = createSinglethreadWorkqueue(KBLOCKD, cpu);
    if (wq === null) report('assertion', '', 'there is no room for kblockd');
    queue.value = wq.handle;
  }
  users.value++;
  yield* mutexUnlock(kblockdMutex, HERE);
}

export function* putKblockd(): Kernel<void> {
  yield* mutexLock(kblockdMutex, HERE);
  if (--users.value === 0) {
    yield* destroyWorkqueue(kblockd(), HERE);
    queue.value = 0;
  }
  yield* mutexUnlock(kblockdMutex, HERE);
}
