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
  memory,
  mutexLock,
  mutexUnlock,
  staticWords,
  Workqueue,
} from '../../core/device-mapper.ts';

const KMULTIPATHD = defineWorker('kmultipathd');

/** Guards the making and the end of the queue. Models module_mutex. */
let moduleMutex: Mutex;
/** Handle of the queue; then the number of targets that need it. */
let words = 0;
atBoot('kmultipathd', () => {
  moduleMutex = declareMutex('&module_mutex');
  words = staticWords(2);
});

/** The queue; for targets, which have a reference on it. */
export function kmultipathd(): Workqueue {
  return Workqueue.at(memory.words[words] as number);
}

/** One more target needs the queue; false when it cannot be made. */
export function* getKmultipathd(): Kernel<boolean> {
  const w = memory.words;
  yield* mutexLock(moduleMutex, HERE);
  if (w[words] === 0) w[words] = createSinglethreadWorkqueue(KMULTIPATHD, cpu)?.handle ?? 0;
  const made = w[words] !== 0;
  if (made) (w[words + 1] as number)++;
  yield* mutexUnlock(moduleMutex, HERE);
  return made;
}

/** One target less. What it has queued must have run. */
export function* putKmultipathd(): Kernel<void> {
  const w = memory.words;
  yield* mutexLock(moduleMutex, HERE);
  if (--(w[words + 1] as number) === 0) {
    yield* destroyWorkqueue(kmultipathd(), HERE);
    w[words] = 0;
  }
  yield* mutexUnlock(moduleMutex, HERE);
}
