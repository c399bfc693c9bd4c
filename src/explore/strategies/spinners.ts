/**
 * Who spins need not move before something has changed that it has looked at: systematic strategies would try each number of
 * turns otherwise, and there is no end to them.
 *
 * At a relax a process stands still until another one has written a word that it has read, or a lock that it has taken, since its
 * last relax. A turn in which it has written something itself is no spinning. Who has looked at nothing that is known waits for
 * any step of another one. When all others are stuck, spinners may move: some count their turns.
 */
import { OP_CMPXCHG, OP_RELAX, OP_TRY_ADD } from '../../machine/kernel.ts';
import { memory } from '../../shared/memory.ts';
import type { Cell } from '../cell.ts';
import type { Context } from '../context.ts';
import { type Accesses, accessTo, modeOf, objectOf, READ } from '../dependency.ts';
import { GIVES, TAKES } from '../kinds.ts';

/** What a process has done since its last relax. */
interface Turn {
  /** The words that it has looked at, with how often each had been written. */
  readonly seen: Map<number, number>;
  wrote: boolean;
  /** Steps of all when it was last heard. */
  at: number;
}

/** Locks: taking one is looking at it, and giving it back changes nothing for oneself. */
const LOCKING: readonly number[] = [...TAKES, ...GIVES];

/** A compare or a mask that refuses writes nothing. */
function refused({ kind, word, value }: Cell): boolean {
  const now = memory.words[word] as number;
  if (kind === OP_CMPXCHG) return now !== value;
  return kind === OP_TRY_ADD && (now & value) !== 0;
}

export class Spinners {
  readonly #turns = new Map<number, Turn>();
  readonly #writes = new Map<number, number>();
  #steps = 0;

  begin(): void {
    this.#turns.clear();
    this.#writes.clear();
    this.#steps = 0;
  }

  #turnOf(process: number): Turn {
    let turn = this.#turns.get(process);
    if (turn === undefined) {
      turn = { seen: new Map(), wrote: false, at: 0 };
      this.#turns.set(process, turn);
    }
    return turn;
  }

  /** A step is about to be made; `accesses` are its own. */
  moving({ process, cell }: Context, accesses: Accesses): void {
    const turn = this.#turnOf(process);
    turn.at = ++this.#steps;
    if (cell.kind === OP_RELAX) {
      turn.seen.clear();
      turn.wrote = false;
      return;
    }
    const writes = !refused(cell);
    for (let i = 0; i < accesses.count; i++) {
      const access = accesses.list[i] as number;
      const object = objectOf(access);
      const written = this.#writes.get(object) ?? 0;
      const changes = modeOf(access) !== READ && writes;
      if (changes) this.#writes.set(object, written + 1);
      if (!changes || LOCKING.includes(cell.kind)) turn.seen.set(object, changes ? written + 1 : written);
      else turn.wrote = true;
    }
  }

  /** Whether a process stands at a relax and nothing that it has looked at has changed. */
  stands({ process, cell }: Context): boolean {
    if (cell.kind !== OP_RELAX) return false;
    const turn = this.#turnOf(process);
    if (turn.wrote) return false;
    if (turn.seen.size === 0) return turn.at === this.#steps;
    for (const [object, written] of turn.seen) if ((this.#writes.get(object) ?? 0) !== written) return false;
    return true;
  }

  /** A relax reads what the process has looked at. */
  accessesOf(process: number): number[] {
    return [...this.#turnOf(process).seen.keys()].map((object) => accessTo(object, READ));
  }
}
