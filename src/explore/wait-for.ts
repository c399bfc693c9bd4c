/**
 * Who waits for whom: a deadlock is known when its cycle closes, while others may still be running.
 *
 * What a task or an interrupt needs before it can go on:
 *   on a CPU       that what lies on top of it ends: an interrupt, or the task that has the CPU
 *   spinlock       who has it; an rwlock that is wanted for writing: every reader
 *   mutex          its owner
 *   rw_semaphore   the writer inside, or every reader
 *   wait queue     whoever wakes it, where that is known (`wakersOf`): all of them, or any one
 * Who needs something of which that is not known may go on: it counts as stuck when nothing can move, not before.
 *
 * Somebody is doomed if what he needs is doomed. The greatest such set is looked for from whoever has just become blocked, since
 * only that can close a cycle: he counts as doomed until somebody is met who is not.
 */
import {
  OP_ADD_THEN,
  OP_GIVE_SHARED,
  OP_LOAD,
  OP_SCHEDULE,
  OP_TAKE,
  OP_TAKE_SHARED,
  OP_TRY_ADD,
  OP_WAIT_FOR,
} from '../machine/kernel.ts';
import { TICKET_OWNER } from '../machine/operations.ts';
import { memory } from '../shared/memory.ts';
import { Mutex } from '../shared/mutex.ts';
import { RwSemaphore, rwSemaphoreHold, WANTS_READ } from '../shared/rw-semaphore.ts';
import type { Sleepers } from '../shared/sleepers.ts';
import { lockTypeAt } from '../shared/struct-registry.ts';
import { TASK_UNINTERRUPTIBLE, Task } from '../shared/task.ts';
import type { Wakers } from '../shared/wait-queue.ts';
import type { Context, ModelCpu } from './context.ts';

/** Who wakes the sleepers of the queue that starts at a word; null: nobody knows. */
export type WakersOf = (queue: number) => Wakers | null;

interface Need {
  readonly of: readonly Context[];
  readonly needs: 'all' | 'any';
}

const READER = 1 << 8;

export class WaitFor {
  readonly #cpus: readonly ModelCpu[];
  readonly #wakersOf: WakersOf;
  /** Who took a lock last, by word; means something only while it is held. */
  readonly #holders: (Context | undefined)[];
  /** By word: who is inside as a reader, once for each time. */
  readonly #readers = new Map<number, Context[]>();
  #proof: Context[] = [];

  constructor(cpus: readonly ModelCpu[], wakersOf: WakersOf = () => null) {
    this.#cpus = cpus;
    this.#wakersOf = wakersOf;
    // Made as long as it can get: an array that grows with holes is kept as a table of hashes.
    this.#holders = new Array(memory.words.length);
  }

  begin(): void {
    this.#readers.clear();
  }

  /** A step is about to be made: notes who has which lock. */
  moving(context: Context): void {
    const { cell } = context;
    switch (cell.kind) {
      case OP_TAKE:
      case OP_WAIT_FOR:
        this.#holders[cell.word] = context;
        return;
      case OP_TAKE_SHARED:
        this.#reads(cell.word, context);
        return;
      case OP_GIVE_SHARED:
        this.#readsNoMore(cell.word, context);
        return;
      case OP_TRY_ADD:
        if (((memory.words[cell.word] as number) & cell.value) === 0) this.#reads(cell.word, context);
        return;
      case OP_ADD_THEN:
        if (cell.value === -READER) this.#readsNoMore(cell.word, context);
        return;
      case OP_LOAD:
        if (cell.word === context.grantWord && memory.words[cell.word] !== 0) this.#granted(context);
        return;
    }
  }

  #reads(word: number, context: Context): void {
    const inside = this.#readers.get(word);
    if (inside === undefined) this.#readers.set(word, [context]);
    else inside.push(context);
  }

  #readsNoMore(word: number, context: Context): void {
    const inside = this.#readers.get(word);
    const place = inside?.lastIndexOf(context) ?? -1;
    if (place >= 0) inside?.splice(place, 1);
  }

  /** A sleeper sees that the lock has been handed to it. */
  #granted(context: Context): void {
    const { blockedOn, lockWants } = context.task as Task;
    if (lockTypeAt(blockedOn) === 'rw-semaphore' && lockWants === WANTS_READ) this.#reads(blockedOn, context);
  }

  /** Those who can never go on, from the one who has just become blocked; null: somebody may still let it go on. */
  closedBy(context: Context): readonly Context[] | null {
    this.#proof = [];
    return this.#isDoomed(context) ? this.#proof : null;
  }

  #isDoomed(context: Context): boolean {
    if (context.isSuspect) return true;
    context.isSuspect = true;
    const known = this.#proof.length;
    this.#proof.push(context);
    const above = this.#above(context);
    const doomed = (above !== null && this.#isDoomed(above)) || this.#waitsForDoomed(context);
    context.isSuspect = false;
    if (!doomed) this.#proof.length = known;
    return doomed;
  }

  #waitsForDoomed(context: Context): boolean {
    const { cell } = context;
    if (!cell.announced || cell.enabled()) return false;
    const need = this.#needOf(context);
    if (need === null || need.of.length === 0) return false;
    if (need.needs === 'any') return need.of.every((each) => this.#isDoomed(each));
    return need.of.some((each) => this.#isDoomed(each));
  }

  /** What must end or leave the CPU before this one can go on there. */
  #above(context: Context): Context | null {
    const { interrupts, running } = this.#cpus[context.cpu] as ModelCpu;
    const above = interrupts[interrupts.indexOf(context) + 1];
    if (above !== undefined) return above;
    if (context.task === null || context === running || running === null) return null;
    return running.cell.kind === OP_SCHEDULE ? null : running;
  }

  #needOf(context: Context): Need | null {
    const { kind, word, value } = context.cell;
    const state = memory.words[word] as number;
    switch (kind) {
      case OP_TAKE:
        if (state > 0 && value < 0) return this.#all(this.#readers.get(word));
        return this.#holder(word, Math.abs(state));
      case OP_TAKE_SHARED:
        return this.#holder(word, -state);
      case OP_WAIT_FOR:
        return this.#holder(word, memory.words[word + TICKET_OWNER] as number);
      case OP_SCHEDULE:
        return this.#wakersOfSleeper(context.task as Task);
      default:
        return null;
    }
  }

  #all(of: readonly Context[] | undefined): Need | null {
    return of === undefined ? null : { of, needs: 'all' };
  }

  /** `owner`: number of the CPU + 1. */
  #holder(word: number, owner: number): Need | null {
    const holder = this.#holders[word];
    if (holder === undefined || holder.cpu !== owner - 1 || !this.#isUnderWay(holder)) return null;
    return { of: [holder], needs: 'all' };
  }

  #isUnderWay(context: Context): boolean {
    const { interrupts, running } = this.#cpus[context.cpu] as ModelCpu;
    return context === running || interrupts.includes(context);
  }

  #wakersOfSleeper(task: Task): Need | null {
    const { blockedOn } = task;
    // A signal may come from anybody.
    if (blockedOn === 0 || memory.words[task.state.word] !== TASK_UNINTERRUPTIBLE) return null;
    switch (lockTypeAt(blockedOn)) {
      case 'mutex':
        return this.#ownerOf(task, new Mutex(blockedOn).sleepers, memory.words[blockedOn] as number);
      case 'rw-semaphore':
        return this.#insideOf(task, new RwSemaphore(blockedOn));
      case 'semaphore':
        return null;
      default: {
        const wakers = this.#wakersOf(blockedOn);
        if (wakers === null) return null;
        const of = wakers.tasks.map((handle) => this.#contextOf(handle));
        return of.includes(null) ? null : { of: of as Context[], needs: wakers.needs };
      }
    }
  }

  /** Who is no longer in the queue has been handed the lock and is about to be woken. */
  #isQueued(task: Task, sleepers: Sleepers): boolean {
    for (let each = sleepers.first(); each !== null; each = each.lockNext === 0 ? null : Task.at(each.lockNext))
      if (each.handle === task.handle) return true;
    return false;
  }

  #ownerOf(task: Task, sleepers: Sleepers, owner: number): Need | null {
    if (owner === 0 || !this.#isQueued(task, sleepers)) return null;
    const context = this.#contextOf(owner);
    return context === null ? null : { of: [context], needs: 'all' };
  }

  #insideOf(task: Task, sem: RwSemaphore): Need | null {
    const { writer, readers } = rwSemaphoreHold(sem);
    if (writer !== 0) return this.#ownerOf(task, sem.sleepers, writer);
    const first = sem.sleepers.first();
    // Readers at the head of the queue are being let in.
    if (!readers || first === null || first.lockWants === WANTS_READ || !this.#isQueued(task, sem.sleepers))
      return null;
    const inside = this.#readers.get(sem.word) ?? [];
    const ahead = first.handle === task.handle ? null : this.#contextOf(first.handle);
    return { of: ahead === null ? inside : [ahead, ...inside], needs: 'all' };
  }

  /** Null: the task has ended. */
  #contextOf(handle: number): Context | null {
    for (const { tasks } of this.#cpus) for (const each of tasks) if (each.task?.handle === handle) return each;
    return null;
  }
}
