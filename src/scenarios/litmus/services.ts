/**
 * What stands on wait queues: a pool's waiter gets the element that comes back, a flush ends when the work is done.
 */
import {
  createSinglethreadWorkqueue,
  defineWorker,
  destroyWorkqueue,
  flushWorkqueue,
  initWork,
  queueWork,
  Work,
  Workqueue,
  workFunctions,
} from '../../irq/workqueue.ts';
import { report } from '../../machine/finding.ts';
import type { Kernel } from '../../machine/kernel.ts';
import { memory, staticWords } from '../../shared/memory.ts';
import {
  Mempool,
  mempoolAlloc,
  mempoolCreate,
  mempoolDestroy,
  mempoolFreer,
  type Pooled,
} from '../../shared/mempool.ts';
import { defineStruct, marked, plain } from '../../shared/struct.ts';
import { Atomic, type Marked } from '../../shared/word.ts';
import { type Litmus, litmus, type Shot, type Side } from './litmus.ts';

interface Element extends Pooled {
  readonly user: Marked;
}

const Element = defineStruct<Element>('litmus-element', 'element', 1, { pool: plain, user: marked });
const freeElement = mempoolFreer(Element);

/** Each allocating thread of the real machine has a slot of its own, so only the model is certain to wait here. */
const pool: Shot = {
  name: 'mempool/reserve',
  title: 'who waits for a pool of one element gets it when it comes back',
  outcomes: ['1 1'],
  shared: 0,
  results: 2,
  slots: { 'litmus-element': 1 },
  staticWords: 1,
  sides() {
    const word = staticWords(1);
    const user = (place: number): Side =>
      function* (words): Kernel<void> {
        const element = yield* mempoolAlloc(Element, Mempool.at(memory.words[word] as number), HERE);
        if ((yield* element.user.read(HERE)) !== 0) report('assertion', '', 'an element of a pool has two users', HERE);
        yield* element.user.write(1, HERE);
        words.result(place, 1);
        yield* freeElement(element, HERE);
      };
    return {
      *setup(): Kernel<void> {
        const created = mempoolCreate(Element, 1);
        if (created === null) report('assertion', '', 'there is no memory for the pool');
        memory.words[word] = created.handle;
      },
      sides: [user(0), user(1)],
      *verify(): Kernel<void> {
        mempoolDestroy(Element, Mempool.at(memory.words[word] as number));
      },
    };
  },
};

const WORKER = defineWorker('klitmus');
const COUNT_UP = workFunctions.define('litmus-count-up', function* (word): Kernel<void> {
  yield* new Atomic(word).add(1, HERE);
});

/** Not one of the sides' CPUs: between two shots those wait without letting anybody else run. */
const FLUSH_WORKER_CPU = 2;

/** Each side queues an item of its own and flushes. */
const flush: Shot = {
  name: 'workqueue/flush',
  title: 'when a flush ends, what was queued before it has run',
  outcomes: ['1 1'],
  shared: 2,
  results: 2,
  staticWords: 3,
  sides(counters) {
    const wqWord = staticWords(1);
    const works = staticWords(2);
    const wq = (): Workqueue => Workqueue.at(memory.words[wqWord] as number);
    const side = (place: number): Side =>
      function* (words): Kernel<void> {
        yield* queueWork(wq(), Work.at(memory.words[works + place] as number), HERE);
        yield* flushWorkqueue(wq(), HERE);
        words.result(place, yield* counters[place]!.read(HERE));
      };
    return {
      *setup(): Kernel<void> {
        const created = createSinglethreadWorkqueue(WORKER, FLUSH_WORKER_CPU);
        if (created === null) report('assertion', '', 'there is no memory for the work queue');
        memory.words[wqWord] = created.handle;
        counters.forEach((counter, place) => {
          memory.words[works + place] = initWork(COUNT_UP, counter.word).handle;
        });
      },
      sides: [side(0), side(1)],
      *verify(): Kernel<void> {
        yield* destroyWorkqueue(wq(), HERE);
      },
    };
  },
};

export const serviceTests: readonly Litmus[] = [litmus(pool, 2), litmus(flush, 3)];
