/**
 * Who spins need not move before something has changed that it has looked at: systematic strategies would try each number of
 * turns otherwise, and there is no end to them.
 *
 * A relax is a turn of a loop when its process has made it before and has written nothing since that others look at. There it stands
 * still until another one has written a word that it has read, or a lock that it has taken, since its last relax. Who has looked at
 * nothing that is known waits for any step of another one. When all others are stuck, spinners may move: some count their turns.
 *
 * So a loop that gives up after some turns is taken for one that waits as long as anybody else can move; that somebody was kept is
 * remembered (`hasHeld`), and the search does not claim the turns of loops.
 *
 * The first time a relax is a step like any other: it need not be in a loop, and what comes after it would be seen only after
 * what others do meanwhile.
 *
 * A word that nobody else touches is like a local variable: a loop may write it and looks none the busier, if it also looks at
 * something that others touch. Whether it is so is known only when all has been seen. So it is taken to be until another one touches the
 * word, in any run; if somebody has stood still because of it, what was seen so far may lack something and the search begins again
 * (`isMistaken`), with one more word that is known to be shared.
 *
 * A loop that writes what others do look at, and waits for something else, has no last turn either: after TURNS_MAX turns in which nothing
 * has changed that it has looked at, it stands still as well, and the search is not a full one (`hasCutLoops`).
 */
import { OP_CMPXCHG, OP_RELAX, OP_TRY_ADD } from '../../machine/kernel.ts';
import type { Site } from '../../machine/site.ts';
import { memory } from '../../shared/memory.ts';
import type { Part } from '../../shared/program.ts';
import type { Cell } from '../cell.ts';
import type { Context } from '../context.ts';
import { type Accesses, accessTo, modeOf, objectOf, READ } from '../dependency.ts';
import { GIVES, TAKES } from '../kinds.ts';

/** What a process has done at a relax. */
interface Relaxed {
  /** Steps of all when it was there last. */
  readonly at: number;
  /** How often in a row it has come back with nothing changed that it has looked at. */
  readonly turns: number;
}

/** What a process has done. */
interface Turn {
  /** The words that it has looked at since its last relax, with how often each had been written. */
  readonly seen: Map<number, number>;
  /** The words that it has written, with the steps of all when it last did. */
  readonly wrote: Map<number, number>;
  /** The places where it has relaxed. */
  readonly relaxed: Map<Site, Relaxed>;
  /** Steps of all when it was last heard. */
  at: number;
}

/** Locks: taking one is looking at it, and giving it back changes nothing for oneself. */
const LOCKING: readonly number[] = [...TAKES, ...GIVES];

/** So many turns a loop is seen that writes for others while it waits. */
export const TURNS_MAX = 8;

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
  /** Who has touched an object in this part of the run. */
  readonly #touchers = new Map<number, number>();
  /** What a scenario sets up is nobody's. */
  #isSetUp = false;
  /** Objects that two have touched, in any run. */
  readonly #shared = new Set<number>();
  /** Objects that somebody has stood still for because nobody else touches them, with who it was. */
  readonly #trusted = new Map<number, number>();
  /** Somebody has stood still because of a word that turned out to be shared: the search must begin again. */
  isMistaken = false;
  /** Somebody has been kept at a relax while others could move: how often his loop may turn before they do is not seen. */
  hasHeld = false;
  /** Somebody has been kept although others could have seen more of his turns. */
  hasCutLoops = false;

  begin(): void {
    this.#turns.clear();
    this.#writes.clear();
    this.#touchers.clear();
    this.#steps = 0;
    this.#isSetUp = false;
  }

  /** The search begins again: what is known to be shared stays known. */
  restart(): void {
    this.#trusted.clear();
    this.isMistaken = false;
    this.hasHeld = false;
    this.hasCutLoops = false;
  }

  part(part: Part): void {
    this.#touchers.clear();
    this.#isSetUp = part !== 'setup';
  }

  #turnOf(process: number): Turn {
    let turn = this.#turns.get(process);
    if (turn === undefined) {
      turn = { seen: new Map(), wrote: new Map(), relaxed: new Map(), at: 0 };
      this.#turns.set(process, turn);
    }
    return turn;
  }

  /** A step is about to be made; `accesses` are its own. */
  moving({ process, cell }: Context, accesses: Accesses): void {
    const turn = this.#turnOf(process);
    const isRelax = cell.kind === OP_RELAX;
    const hasNews = isRelax && this.#hasNews(turn);
    turn.at = ++this.#steps;
    if (isRelax) {
      turn.relaxed.set(cell.site, { at: turn.at, turns: hasNews ? 0 : (turn.relaxed.get(cell.site)?.turns ?? 0) + 1 });
      turn.seen.clear();
      return;
    }
    const writes = !refused(cell);
    const isLock = LOCKING.includes(cell.kind);
    let wrote = false;
    for (let i = 0; i < accesses.count; i++) {
      const access = accesses.list[i] as number;
      const object = objectOf(access);
      this.#touch(process, object);
      const written = this.#writes.get(object) ?? 0;
      const changes = modeOf(access) !== READ && writes;
      const now = changes ? written + 1 : written;
      if (changes) this.#writes.set(object, now);
      // What one writes oneself is no news, and who writes a word in a slot has not looked at the slot.
      if (isLock || turn.seen.has(object) || !(changes || wrote)) turn.seen.set(object, now);
      if (changes && !isLock) turn.wrote.set(object, turn.at);
      wrote ||= changes;
    }
  }

  /** Somebody is about to touch these objects, and may never do it. */
  waiting({ process }: Context, accesses: readonly number[]): void {
    for (const access of accesses) this.#touch(process, objectOf(access));
  }

  #touch(process: number, object: number): void {
    if (!this.#isSetUp || this.#shared.has(object)) return;
    const first = this.#trusted.get(object) ?? this.#touchers.get(object);
    if (first === undefined) this.#touchers.set(object, process);
    else if (first !== process) {
      this.#shared.add(object);
      this.isMistaken ||= this.#trusted.has(object);
    }
  }

  /** Whether anything has changed that a process has looked at since its last relax. */
  #hasNews({ seen, at }: Turn): boolean {
    if (seen.size === 0) return at !== this.#steps;
    for (const [object, written] of seen) if ((this.#writes.get(object) ?? 0) !== written) return true;
    return false;
  }

  /** Whether a process stands at a relax of a loop and nothing that it has looked at has changed. */
  stands({ process, cell }: Context): boolean {
    if (cell.kind !== OP_RELAX) return false;
    const turn = this.#turnOf(process);
    const relaxed = turn.relaxed.get(cell.site);
    if (relaxed === undefined || this.#hasNews(turn)) return false;
    const wrote = this.#wroteSince(turn, relaxed);
    if (wrote.length === 0) return true;
    // Who looks at nothing but what it writes itself waits for nobody.
    if ([...turn.seen.keys()].every((object) => wrote.includes(object))) return false;
    return relaxed.turns >= TURNS_MAX || !wrote.some((object) => this.#shared.has(object));
  }

  #wroteSince({ wrote }: Turn, { at }: Relaxed): number[] {
    return [...wrote].filter(([, when]) => when > at).map(([object]) => object);
  }

  /** Who stands at a relax is kept there, while others may move: remembers what that rests on. */
  hold({ process, cell }: Context): void {
    this.hasHeld = true;
    const turn = this.#turnOf(process);
    for (const object of this.#wroteSince(turn, turn.relaxed.get(cell.site) as Relaxed))
      if (this.#shared.has(object)) this.hasCutLoops = true;
      else this.#trusted.set(object, process);
  }

  /** A relax reads what the process has looked at. */
  accessesOf(process: number): number[] {
    return [...this.#turnOf(process).seen.keys()].map((object) => accessTo(object, READ));
  }
}
