/**
 * Critical sections that notice who else is inside, and hand-overs that notice what got lost.
 */
import { report } from '../../machine/finding.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Site } from '../../machine/site.ts';
import {
  COMPLETION_WORDS,
  type Completion,
  complete,
  declareCompletion,
  waitForCompletion,
} from '../../shared/completion.ts';
import { memory, staticWords } from '../../shared/memory.ts';
import { TASK_UNINTERRUPTIBLE } from '../../shared/task.ts';
import { declareWaitQueue, WAIT_QUEUE_WORDS, waitEvent, wakeUp } from '../../shared/wait-queue.ts';
import { Atomic, Marked } from '../../shared/word.ts';

export const SECTION_WORDS = 4;

/** What is done under one lock. A writer must be alone; readers must not meet a writer. */
export class Section {
  readonly #name: string;
  /** The writer inside, as a number from 1. */
  readonly #writer = new Marked(staticWords(1));
  readonly #readers = new Atomic(staticWords(1));
  /** Equal whenever no writer is inside: how many times one was. */
  readonly #first = new Marked(staticWords(1));
  readonly #second = new Marked(staticWords(1));

  /** `name` of the lock, for findings. */
  constructor(name: string) {
    this.#name = name;
  }

  *write(who: number): Kernel<void> {
    yield* this.#expectWriter(0, who);
    yield* this.#writer.write(who, HERE);
    const count = yield* this.#first.read(HERE);
    yield* this.#first.write(count + 1, HERE);
    const readers = yield* this.#readers.read(HERE);
    if (readers !== 0) this.#broken(who, `so are ${readers} readers`, HERE);
    if ((yield* this.#second.read(HERE)) !== count) this.#broken(who, 'another one has written meanwhile', HERE);
    yield* this.#second.write(count + 1, HERE);
    yield* this.#expectWriter(who, who);
    yield* this.#writer.write(0, HERE);
  }

  /** As a reader among others, or alone where the lock cannot be shared. */
  *read(who: number): Kernel<void> {
    yield* this.#readers.add(1, HERE);
    yield* this.#expectWriter(0, who);
    const first = yield* this.#first.read(HERE);
    if ((yield* this.#second.read(HERE)) !== first) this.#broken(who, 'the data are half written', HERE);
    yield* this.#readers.add(-1, HERE);
  }

  *#expectWriter(expected: number, who: number): Kernel<void> {
    const writer = yield* this.#writer.read(HERE);
    if (writer !== expected) this.#broken(who, writer === 0 ? 'somebody has left' : `so is number ${writer}`, HERE);
  }

  #broken(who: number, what: string, site: Site): never {
    report('assertion', '', `number ${who} is inside ${this.#name}, and ${what}`, site);
  }

  /** How many times a writer was inside; when all is quiet. */
  get written(): number {
    return memory.words[this.#first.word] as number;
  }
}

/** Something that is posted by some, from any context, and taken by others, who sleep until there is some. */
export interface HandOver {
  post(): Kernel<void>;
  take(): Kernel<void>;
}

export const HAND_OVERS = ['completion', 'wait-queue'] as const;
export type HandOverKind = (typeof HAND_OVERS)[number];
export const HAND_OVER_WORDS = Math.max(COMPLETION_WORDS, WAIT_QUEUE_WORDS + 1);

export function declareHandOver(kind: HandOverKind): HandOver {
  return kind === 'completion' ? byCompletion(declareCompletion('&torture->done')) : byWaitQueue();
}

function byCompletion(done: Completion): HandOver {
  return { post: () => complete(done, HERE), take: () => waitForCompletion(done, HERE) };
}

function byWaitQueue(): HandOver {
  const queue = declareWaitQueue('&torture->wait');
  const units = new Atomic(staticWords(1));
  function* takeOne(): Kernel<number> {
    for (;;) {
      const left = yield* units.read(HERE);
      if (left === 0) return 0;
      if ((yield* units.cmpxchg(left, left - 1, HERE)) === left) return 1;
    }
  }
  return {
    *post(): Kernel<void> {
      yield* units.add(1, HERE);
      yield* wakeUp(queue, HERE);
    },
    *take(): Kernel<void> {
      yield* waitEvent(queue, takeOne, TASK_UNINTERRUPTIBLE, HERE);
    },
  };
}
