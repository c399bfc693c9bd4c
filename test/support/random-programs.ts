/**
 * Small programs drawn from every kind of operation, and all their schedules by brute force.
 */

import { NO_BUDGET, UNLIMITED } from '../../src/explore/choices.ts';
import { ModelMachine } from '../../src/explore/explore.ts';
import { type Moves, type Strategy, TURN_MADE, TURN_NONE, type Turn } from '../../src/explore/strategy.ts';
import { TraceClass } from '../../src/explore/trace-class.ts';
import { raiseIrq, requestIrq } from '../../src/irq/interrupt.ts';
import { CHOICE_ALLOCATION, CHOICE_SCENARIO, type Kernel, RMW_ADD, resolved } from '../../src/machine/kernel.ts';
import type { Actor, Budget, Program, Settings } from '../../src/machine/machine.ts';
import { ops } from '../../src/machine/operations.ts';
import type { Site } from '../../src/machine/site.ts';
import {
  declareMutex,
  declareRwLock,
  declareRwSemaphore,
  declareSpinLock,
  declareWaitQueue,
  downRead,
  downWrite,
  mutexLock,
  mutexUnlock,
  readLock,
  readUnlock,
  spinLock,
  spinLockIrqsave,
  spinUnlock,
  spinUnlockIrqrestore,
  upRead,
  upWrite,
  waitEvent,
  wakeUp,
  writeLock,
  writeUnlock,
} from '../../src/shared/atomics-lock.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { Random } from '../../src/shared/random.ts';
import {
  current,
  programs,
  schedule,
  sendSignal,
  setCurrentState,
  spawn,
  TASK_INTERRUPTIBLE,
  TASK_NORMAL,
  TASK_UNINTERRUPTIBLE,
  Task,
  wakeUpTask,
} from '../../src/shared/task.ts';
import { WaitEntry } from '../../src/shared/wait-queue.ts';
import type { Runnable } from './model.ts';

/** One instruction of a program: it runs on what the program shares. */
type Instruction = (shared: Shared) => Kernel<void>;

interface Shared {
  readonly words: number;
  readonly locks: readonly ReturnType<typeof declareSpinLock>[];
  readonly rwlock: ReturnType<typeof declareRwLock>;
  readonly semaphore: ReturnType<typeof declareRwSemaphore>;
  readonly mutex: ReturnType<typeof declareMutex>;
  readonly queue: ReturnType<typeof declareWaitQueue>;
  /** Handles of the tasks of the actors, one word each; of an object that somebody frees. */
  readonly tasks: number;
  readonly object: number;
}

const WORDS = 2;
const LINE = 5;

function* nothing(): Kernel<void> {}

/** What an interrupt may do, and a task too. Locks are taken with interrupts off, since a handler takes them as well. */
const ANYWHERE: readonly ((random: Random) => Instruction)[] = [
  (random) => {
    const i = random.below(WORDS);
    return function* (shared) {
      yield* ops.load(shared.words + i, HERE);
    };
  },
  (random) => {
    const i = random.below(WORDS);
    return (shared) => ops.store(shared.words + i, i + 1, HERE);
  },
  (random) => {
    const i = random.below(WORDS);
    return function* (shared) {
      yield* ops.rmw(shared.words + i, RMW_ADD, 1, HERE);
    };
  },
  (random) => {
    const i = random.below(WORDS);
    return function* (shared) {
      yield* ops.cmpxchg(shared.words + i, 0, 5, HERE);
    };
  },
  (random) => {
    const i = random.below(WORDS);
    const delta = random.below(2) === 0 ? 1 : -1;
    const goal = random.below(2) === 0 ? delta : random.below(3);
    const after: Instruction = (shared) => ops.store(shared.words + 1 - i, 9, HERE);
    return (shared) => ops.addThen(shared.words + i, delta, -1, goal, after, shared, HERE);
  },
  (random) => {
    const i = random.below(WORDS);
    const after: Instruction = (shared) => ops.store(shared.words + 1 - i, 3, HERE);
    return (shared) => ops.loadThen(shared.words + i, 0, null, after, shared, HERE);
  },
  (random) => {
    const i = random.below(2);
    return function* (shared) {
      const lock = shared.locks[i] as Shared['locks'][0];
      const saved = yield* spinLockIrqsave(lock, HERE);
      yield* spinUnlockIrqrestore(lock, saved, HERE);
    };
  },
  () =>
    function* (shared) {
      if ((yield* ops.choice(CHOICE_SCENARIO, 2, HERE)) !== 0) yield* ops.store(shared.words, 8, HERE);
    },
  () =>
    function* (shared) {
      if ((yield* ops.choice(CHOICE_ALLOCATION, 2, HERE)) !== 0) yield* ops.store(shared.words + 1, 7, HERE);
    },
  (random) => {
    const target = random.below(2);
    return function* (shared) {
      const handle = yield* ops.load(shared.tasks + target, HERE);
      if (handle !== 0) yield* wakeUpTask(Task.at(handle), TASK_NORMAL, HERE);
    };
  },
];

const sleep = (state: number, word: number): Instruction =>
  function* (shared) {
    yield* setCurrentState(state, HERE);
    if ((yield* ops.load(shared.words + word, HERE)) === 0) yield* schedule(HERE);
  };

/** What only a task may do. */
const IN_TASKS: readonly ((random: Random) => Instruction)[] = [
  (random) => {
    const target = random.below(2);
    return (_shared) => raiseIrq(target, LINE, HERE);
  },
  (random) => sleep(random.below(2) === 0 ? TASK_INTERRUPTIBLE : TASK_UNINTERRUPTIBLE, random.below(WORDS)),
  (random) => sleep(TASK_INTERRUPTIBLE, random.below(WORDS)),
  (random) => {
    const body = instruction(ANYWHERE, random);
    return function* (shared) {
      const saved = yield* ops.irqOff(HERE);
      yield* body(shared);
      yield* ops.irqOn(saved, HERE);
    };
  },
  (random) => {
    const order = random.below(2);
    return function* (shared) {
      const first = shared.locks[2 + order] as Shared['locks'][0];
      const second = shared.locks[3 - order] as Shared['locks'][0];
      yield* spinLock(first, HERE);
      yield* spinLock(second, HERE);
      yield* spinUnlock(second, HERE);
      yield* spinUnlock(first, HERE);
    };
  },
  () =>
    function* (shared) {
      yield* readLock(shared.rwlock, HERE);
      yield* readUnlock(shared.rwlock, HERE);
    },
  () =>
    function* (shared) {
      yield* writeLock(shared.rwlock, HERE);
      yield* writeUnlock(shared.rwlock, HERE);
    },
  (random) => {
    const target = random.below(2);
    return function* (shared) {
      const handle = yield* ops.load(shared.tasks + target, HERE);
      if (handle !== 0) yield* sendSignal(Task.at(handle), HERE);
    };
  },
  (random) => {
    const cpu = random.below(2);
    return (_shared) => {
      spawn(cpu, CHILD, 0);
      return resolved(undefined);
    };
  },
  (random) => {
    const keep = random.below(2) === 0;
    return function* (shared) {
      const address = memory.words[shared.object] as number;
      if (keep) yield* ops.load(address + 3, HERE);
      else {
        yield* ops.load(shared.words, HERE);
        WaitEntry.free(WaitEntry.atAddress(address));
      }
    };
  },
];

/** Where tasks relax, in turn: who relaxes twice at one place is in a loop, and a task of three instructions has none. */
const RELAXES: readonly Site[] = [HERE, HERE, HERE];
let relaxes = 0;

/** What a task may sleep or wait for. */
const SLEEPING: readonly ((random: Random) => Instruction)[] = [
  () =>
    function* (shared) {
      yield* downRead(shared.semaphore, HERE);
      yield* upRead(shared.semaphore, HERE);
    },
  () =>
    function* (shared) {
      yield* downWrite(shared.semaphore, HERE);
      yield* upWrite(shared.semaphore, HERE);
    },
  () =>
    function* (shared) {
      yield* mutexLock(shared.mutex, HERE);
      yield* mutexUnlock(shared.mutex, HERE);
    },
  (random) => {
    const state = random.below(2) === 0 ? TASK_INTERRUPTIBLE : TASK_UNINTERRUPTIBLE;
    return function* (shared) {
      yield* waitEvent(shared.queue, () => ops.load(shared.words, HERE), state, HERE);
    };
  },
  () =>
    function* (shared) {
      yield* ops.store(shared.words, 1, HERE);
      yield* wakeUp(shared.queue, HERE);
    },
  () => {
    const site = RELAXES[relaxes++ % RELAXES.length] as Site;
    return (_shared) => ops.relax(site);
  },
];

const instruction = (kinds: readonly ((random: Random) => Instruction)[], random: Random): Instruction =>
  (kinds[random.below(kinds.length)] as (random: Random) => Instruction)(random);

let child: () => Kernel<void> = nothing;
const CHILD = programs.define('test-child', () => child());

interface RandomProgram extends Runnable {
  readonly budget: Budget;
  readonly lock: Settings['lock'];
}

/** The program of a seed. Two or three tasks on two CPUs, a handler, a child. */
export function randomProgram(seed: number): RandomProgram {
  const random = new Random(seed);
  relaxes = 0;
  const many = (kinds: readonly ((random: Random) => Instruction)[], most: number): Instruction[] =>
    Array.from({ length: random.below(most + 1) }, () => instruction(kinds, random));
  const everywhere = [...ANYWHERE, ...IN_TASKS, ...SLEEPING];
  const bodies = Array.from({ length: 2 + random.below(2) }, (_, i) => ({
    cpu: i < 2 ? i : random.below(2),
    list: [instruction(everywhere, random), ...many(everywhere, 1 + (seed & 1))],
  }));
  const handler = many(ANYWHERE, 1);
  const childBody = many(ANYWHERE, 1);
  const budget = {
    signals: random.below(2),
    wakeups: random.below(3) === 0 ? 1 : 0,
    allocations: random.below(2),
    interrupts: UNLIMITED,
    timers: UNLIMITED,
  };
  const build = (): Program => {
    const shared: Shared = {
      words: staticWords(WORDS),
      locks: ['a', 'b', 'c', 'd'].map((name) => declareSpinLock(`&test->${name}`)),
      rwlock: declareRwLock('&test->rw'),
      semaphore: declareRwSemaphore('&test->sem'),
      mutex: declareMutex('&test->mutex'),
      queue: declareWaitQueue('&test->wait'),
      tasks: staticWords(2),
      object: staticWords(1),
    };
    const all = (list: readonly Instruction[]) =>
      function* (): Kernel<void> {
        for (const each of list) yield* each(shared);
      };
    requestIrq(LINE, 'test', all(handler));
    child = all(childBody);
    const actors: Actor[] = bodies.map(({ cpu, list }, i) => ({
      name: `actor${i}`,
      cpu,
      *run(): Kernel<void> {
        if (i < 2) yield* ops.store(shared.tasks + i, current().handle, HERE);
        yield* all(list)();
        if (i < 2) yield* ops.store(shared.tasks + i, 0, HERE);
      },
    }));
    return {
      *setup(): Kernel<void> {
        memory.words[shared.object] = (WaitEntry.alloc() as WaitEntry).address;
      },
      actors,
    };
  };
  return { cpus: 2, staticWords: 128, build, budget, lock: seed % 3 === 0 ? 'ticket' : 'tas' };
}

/** Every schedule of the actors; the other parts run in one order. */
export class BruteForce implements Strategy {
  readonly #path: { readonly count: number; tried: number }[] = [];
  #depth = 0;
  #parts = 0;
  #finished = false;
  /** How many leaves there would be if all paths were like the last one. */
  size = 1;

  begin(): void {
    this.#depth = 0;
    this.#parts = 0;
    this.size = 1;
  }

  part(): void {
    this.#parts++;
  }

  next(moves: Moves): Turn {
    const count = moves.collect();
    if (count === 0) return TURN_NONE;
    moves.take(this.choose(0, count));
    return TURN_MADE;
  }

  choose(_kind: number, count: number): number {
    if (this.#parts !== 2) return 0;
    this.size *= count;
    const item = this.#path[this.#depth++];
    if (item !== undefined) return item.tried;
    this.#path.push({ count, tried: 0 });
    return 0;
  }

  end(): void {
    for (let item = this.#path.at(-1); item !== undefined; item = this.#path.at(-1)) {
      if (++item.tried < item.count) return;
      this.#path.pop();
    }
    this.#finished = true;
  }

  finished(): boolean {
    return this.#finished;
  }
}

/** Whether the first runs show that there are many more than `most`. */
export const tooMany = (strategy: Strategy, run: number, most: number): boolean =>
  strategy instanceof BruteForce && run < 4 && strategy.size > 3 * most;

export interface Classes {
  readonly classes: Map<number, string>;
  readonly runs: number;
}

/**
 * All classes that a strategy sees until it is finished, with how many runs it made and which findings; null: more than `most` runs.
 * `stops` hears the finding of each run, or '', and says whether it is enough.
 */
export function allClasses(
  program: Runnable & Partial<RandomProgram>,
  strategy: Strategy,
  most: number,
  stops: (finding: string) => boolean = () => false,
): Classes | null {
  const machine = new ModelMachine(program.build, strategy, {
    settings: { cpus: program.cpus, lock: program.lock ?? 'tas', oracles: false },
    slots: program.slots ?? {},
    staticWords: program.staticWords,
    stepLimit: 2000,
    budget: program.budget ?? NO_BUDGET,
  });
  const { execution } = machine;
  const trace = new TraceClass();
  machine.listen(trace);
  const classes = new Map<number, string>();
  for (let run = 0; strategy.finished?.() !== true; run++) {
    if (run === most || tooMany(strategy, run, most)) return null;
    const { finding } = machine.run(run);
    if (execution.gaveUp) continue;
    const found = finding === null ? '' : `${finding.kind}: ${finding.message}`;
    classes.set(trace.value(), found);
    if (stops(found)) break;
  }
  return { classes, runs: execution.runs };
}
