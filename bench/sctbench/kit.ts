/**
 * What the programs of SCTBench and ConVul stand on, out of our own words and locks: threads that a main thread creates and
 * joins, mutexes, condition variables, and accesses to local variables.
 *
 * The published figures were measured on binaries that were built without optimisation, where each access to a variable on the stack
 * is an event as well. Those decide how long a thread can be left behind while main goes on to create others, so `locals` makes
 * them: LOOP in each turn of a loop that creates or joins threads, ENTRY where a thread function stores its argument.
 */
import { type Kernel, RING_ONE } from '../../src/machine/kernel.ts';
import { ops } from '../../src/machine/operations.ts';
import { defineScenario, type Run } from '../../src/scenarios/own/define.ts';
import type { Lock, Word, World } from '../../src/scenarios/own/world.ts';
import type { Scenario } from '../../src/scenarios/scenario.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { cpu } from '../../src/shared/per-cpu.ts';
import { nameWord } from '../../src/shared/struct-registry.ts';
import { programs, spawn } from '../../src/shared/task.ts';

/** `i < n`, `&pool[i]`, `err =`, `i++`: accesses to local variables in one turn of a loop that creates threads. */
export const LOOP = 7;
const ENTRY = 1;

/** What a program says is wrong with it; no other finding counts as its bug. */
export interface Bug {
  readonly kind: 'assertion' | 'deadlock' | 'self-deadlock';
  readonly message: RegExp;
}

export interface Skeleton {
  /** As in the published table: `CS/reorder_3`. */
  readonly name: string;
  /** What goes wrong, in one sentence. */
  readonly title: string;
  readonly bug: Bug;
  /** Threads beside main. */
  readonly threads: number;
  /** The program, or its repaired twin. */
  main(pthreads: Pthreads, world: World, repaired: boolean): Run;
}

let running: Pthreads | null = null;
const THREAD = programs.define('pthread', (arg) => (running as Pthreads).threadOf(arg));

/** What a word holds until that has happened for which somebody waits; no CPU's name. */
const NOT_YET = 1 << 16;

/** A lock that is held until something has happened. */
function awaited(name: string): number {
  const word = staticWords(2);
  nameWord(word, name);
  memory.words[word] = NOT_YET;
  return word;
}

/** It has happened. */
const happens = (word: number): Kernel<void> => ops.give(word, 0, RING_ONE, HERE);
const waitUntil = (word: number): Kernel<void> => ops.take(word, NOT_YET + 1, HERE);

export class Pthreads {
  readonly #locals: readonly Word[];
  readonly #ended: readonly number[];
  readonly #runs: Run[] = [];

  constructor(world: World, threads: number) {
    this.#locals = world.words('local', threads + 1);
    this.#ended = Array.from({ length: threads }, (_, i) => awaited(`end of thread ${i}`));
  }

  /** So many accesses to the thread's own variables. */
  *locals(count: number): Kernel<void> {
    const own = this.#locals[cpu] as Word;
    for (let i = 0; i < count; i++) yield* own.write(i);
  }

  /** Main itself: no thread is there yet. */
  *main(run: Run): Kernel<void> {
    running = this;
    this.#runs.length = 0;
    yield* run();
  }

  *create(run: Run): Kernel<void> {
    const thread = this.#runs.push(run) - 1;
    yield* this.locals(1);
    spawn(1 + thread, THREAD, thread);
  }

  *threadOf(thread: number): Kernel<void> {
    yield* this.locals(ENTRY);
    yield* (this.#runs[thread] as Run)();
    yield* happens(this.#ended[thread] as number);
  }

  join(thread: number): Kernel<void> {
    return waitUntil(this.#ended[thread] as number);
  }

  /** Creates all of them, in a loop where the program has one, and joins them in their order. */
  *all(runs: readonly Run[], loop: number): Kernel<void> {
    for (const run of runs) {
      yield* this.locals(loop);
      yield* this.create(run);
    }
    for (let thread = 0; thread < runs.length; thread++) {
      yield* this.locals(loop);
      yield* this.join(thread);
    }
  }
}

/** A condition variable: a signal that nobody waits for is lost. Who has waited longest is woken. */
export class Condition {
  readonly #word: Word;
  readonly #woken: readonly number[];
  readonly #waiting: number[] = [];
  readonly #free: number[];

  constructor(world: World, name: string, waiters: number) {
    this.#word = world.word(name);
    this.#woken = Array.from({ length: waiters }, (_, i) => awaited(`${name}'s waiter ${i}`));
    this.#free = [...this.#woken];
  }

  /** Nobody waits: a run begins. */
  reset(): void {
    this.#waiting.length = 0;
    this.#free.splice(0, this.#free.length, ...this.#woken);
  }

  *wait(mutex: Lock): Kernel<void> {
    const word = this.#free.pop() as number;
    memory.words[word] = NOT_YET;
    this.#waiting.push(word);
    yield* mutex.unlock();
    yield* waitUntil(word);
    this.#free.push(word);
    yield* mutex.lock();
  }

  *signal(): Kernel<void> {
    const word = this.#waiting.shift();
    if (word === undefined) yield* this.#word.write(1);
    else yield* happens(word);
  }
}

const made = new Map<string, Scenario>();

/** The program as a scenario; `repaired`: its twin without the mistake. */
export function scenarioOf(skeleton: Skeleton, repaired: boolean): Scenario {
  const { title, threads } = skeleton;
  const name = `sctbench/${skeleton.name}${repaired ? '.repaired' : ''}`;
  const known = made.get(name);
  if (known !== undefined) return known;
  const scenario = defineScenario(
    name,
    (world) => {
      const pthreads = new Pthreads(world, threads);
      const main = skeleton.main(pthreads, world, repaired);
      return { actors: [{ name: 'main', run: () => pthreads.main(main) }] };
    },
    { title, cpus: threads + 1, slots: { ...BARE, task: threads + 4 } },
  );
  made.set(name, scenario);
  return scenario;
}

/** No device-mapper: memory is copied for each run. */
const BARE: Readonly<Record<string, number>> = Object.fromEntries(
  [
    'bio',
    'dm-io',
    'dm-target-io',
    'dm-target',
    'dm-table',
    'mapped-device',
    'multipath',
    'pgpath',
    'priority-group',
    'mpath-io',
    'user-io',
    'inode',
    'block-device',
    'mempool',
    'simulated-handler',
    'alarm',
    'workqueue',
    'delay',
    'super-block',
    'work',
    'timer',
    'disk',
    'wait-entry',
  ].map((kind) => [kind, 1]),
);
