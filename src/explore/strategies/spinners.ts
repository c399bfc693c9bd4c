/**
 * Who spins need not move before something has changed that it has looked at: systematic strategies would try each number of
 * turns otherwise, and there is no end to them.
 *
 * A relax is a turn of a loop when its process has made it before and has written nothing since. There it stands still until
 * another one has written a word that it has read, or a lock that it has taken, since its last relax. Who has looked at nothing
 * that is known waits for any step of another one. When all others are stuck, spinners may move: some count their turns.
 *
 * The first time a relax is a step like any other: it need not be in a loop, and what comes after it would be seen only after
 * what others do meanwhile.
 */
import { OP_CMPXCHG, OP_RELAX, OP_TRY_ADD } from '../../machine/kernel.ts';
import type { Site } from '../../machine/site.ts';
import { memory } from '../../shared/memory.ts';
import type { Cell } from '../cell.ts';
import type { Context } from '../context.ts';
import { type Accesses, accessTo, modeOf, objectOf, READ } from '../dependency.ts';
import { GIVES, TAKES } from '../kinds.ts';

/** What a process has done. */
interface Turn {
  /** The words that it has looked at since its last relax, with how often each had been written. */
  readonly seen: Map<number, number>;
  /** How often it has written something. */
  wrote: number;
  /** The places where it has relaxed, with how often it had written something. */
  readonly relaxed: Map<Site, number>;
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
      turn = { seen: new Map(), wrote: 0, relaxed: new Map(), at: 0 };
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
      turn.relaxed.set(cell.site, turn.wrote);
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
      else turn.wrote++;
    }
  }

  /** Whether a process stands at a relax of a loop and nothing that it has looked at has changed. */
  stands({ process, cell }: Context): boolean {
    if (cell.kind !== OP_RELAX) return false;
    const turn = this.#turnOf(process);
    if (turn.relaxed.get(cell.site) !== turn.wrote) return false;
    if (turn.seen.size === 0) return turn.at === this.#steps;
    for (const [object, written] of turn.seen) if ((this.#writes.get(object) ?? 0) !== written) return false;
    return true;
  }

  /** A relax reads what the process has looked at. */
  accessesOf(process: number): number[] {
    return [...this.#turnOf(process).seen.keys()].map((object) => accessTo(object, READ));
  }
}
