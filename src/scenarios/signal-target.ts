/**
 * A task that others may signal while it lives: what a process id is for.
 *
 * The lock makes "find the task" and "signal it" one step against the end of the task.
 */
import type { Kernel } from '../machine/kernel.ts';
import { staticWords } from '../shared/memory.ts';
import { PlainWord } from '../shared/plain-access.ts';
import { declareSpinLock, type SpinLock, spinLock, spinUnlock } from '../shared/spinlock.ts';
import { current, sendSignal, Task } from '../shared/task.ts';

export class SignalTarget {
  readonly #lock: SpinLock;
  readonly #task: PlainWord;

  /** Declares SIGNAL_TARGET_WORDS words. */
  constructor() {
    this.#lock = declareSpinLock('&tasklist_lock');
    this.#task = new PlainWord(staticWords(1));
  }

  /** The running task can be signalled from now on. `close` before it ends. */
  *open(): Kernel<void> {
    yield* spinLock(this.#lock, HERE);
    this.#task.value = current().handle;
    yield* spinUnlock(this.#lock, HERE);
  }

  /** No signal can come any more; one that came is forgotten. */
  *close(): Kernel<void> {
    yield* spinLock(this.#lock, HERE);
    this.#task.value = 0;
    yield* spinUnlock(this.#lock, HERE);
    yield* current().sigpending.write(0, HERE);
  }

  /** Signals the task, after `note`, under the lock; false when there is none now. */
  *send(note: () => void = () => {}): Kernel<boolean> {
    yield* spinLock(this.#lock, HERE);
    const handle = this.#task.value;
    if (handle !== 0) {
      note();
      yield* sendSignal(Task.at(handle), HERE);
    }
    yield* spinUnlock(this.#lock, HERE);
    return handle !== 0;
  }
}

export const SIGNAL_TARGET_WORDS = 5;
