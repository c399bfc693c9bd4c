/**
 * The lock validator of a CPU's thread on the real machine: it hears its own CPU alone and only learns. What is new to it goes with the
 * round's result to the main thread, which joins what all of them have learned (joined-locks.ts).
 */
import type { Listener } from '../machine/events.ts';
import type { LockFact } from '../shared/lockdep/lock-facts.ts';
import { Lockdep } from '../shared/lockdep/lockdep.ts';

/** What it has learned outlives a round. */
const ofThread = new Lockdep({ throws: false });
/** Facts that have not been handed over yet. */
let unsent: LockFact[] = [];

/** Whether the lock validator hears a round; `afresh`: it has forgotten the rounds before. */
export type LockdepOrder = boolean | 'afresh';

/** Begins a round of the thread's validator. */
function begin(afresh: boolean): Listener {
  if (afresh) {
    ofThread.forget();
    unsent = [];
  }
  ofThread.attach();
  return ofThread.hear;
}

/** Who is to hear the round that begins: `validator`, or the thread's own where there is none. */
export const lockListeners = (lockdep: LockdepOrder, validator: Lockdep | null): readonly Listener[] =>
  lockdep === false ? [] : [validator?.hear ?? begin(lockdep === 'afresh')];

/** What the thread then has to say at the end of a round. */
export const lockNoteOf = (lockdep: LockdepOrder, validator: Lockdep | null): typeof lockNote | undefined =>
  lockdep === false || validator !== null ? undefined : lockNote;

/** The facts that fit into so many bytes, as JSON; the rest waits for the next round. */
function lockNote(bytesMax: number): string {
  const texts: string[] = [];
  let length = 2;
  unsent.push(...ofThread.fresh);
  for (const fact of unsent) {
    const text = JSON.stringify(fact);
    length += Buffer.byteLength(text) + 1;
    if (length > bytesMax) break;
    texts.push(text);
  }
  unsent = unsent.slice(texts.length);
  return texts.length === 0 ? '' : `[${texts.join(',')}]`;
}

/** What a thread's note says. */
export const factsOf = (text: string): LockFact[] => JSON.parse(text) as LockFact[];
