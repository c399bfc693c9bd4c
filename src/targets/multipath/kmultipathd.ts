/**
 * kmultipathd: the one thread that serves the work items of all multipath targets.
 *
 * Models the work queue that dm-mpath.c makes when it is loaded. Here the first target makes it and the last one destroys it.
 * The kernel's has a thread for each CPU, so that one item may run on two of them; this one has a single thread.
 */
import {
  atBoot,
  cpu,
  createSinglethreadWorkqueue,
  declareMutex,
  defineWorker,
  destroyWorkqueue,
  type Kernel,
  type Mutex,
  mutexLock,
  mutexUnlock,
  PlainWord,
  staticWords,
  Workqueue,
} from '../../core/device-mapper.ts';

const KMULTIPATHD = defineWorker('kmultipathd');

/** Guards the making and the end of the queue. Models module_mutex. */
let moduleMutex: Mutex;
/** Handle of the queue, and the number of targets that need it. */
let queue: PlainWord;
let users: PlainWord;
atBoot('kmultipathd', () => {
  moduleMutex = declareMutex('&module_mutex');
  queue = new PlainWord(staticWords(1));
  users = new PlainWord(staticWords(1));
});

/** The queue; for targets, which have a reference on it. */
export function kmultipathd(): Workqueue {
  return Workqueue.at(queue.value);
}

/** One more target needs the queue; false when it cannot be made. */
export function* getKmultipathd(): Kernel<boolean> {
  yield* mutexLock(moduleMutex, HERE);
  if (queue.value === 0) queue.value = createSinglethreadWorkqueue(KMULTIPATHD, cpu)?.handle ?? 0;
  const made = queue.value !== 0;
  if (made) users.value++;
  yield* mutexUnlock(moduleMutex, HERE);
  return made;
}

/** One target less. What it has queued must have run. */
export function* putKmultipathd(): Kernel<void> {
  yield* mutexLock(moduleMutex, HERE);
  if (--users.value === 0) {
    yield* destroyWorkqueue(kmultipathd(), HERE);
    queue.value = 0;
  }
  yield* mutexUnlock(moduleMutex, HERE);
}
