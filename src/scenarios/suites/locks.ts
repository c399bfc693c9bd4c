/**
 * The suite `locks`, after locktorture: writers and readers hammer shared words under each kind of lock, while timers go off
 * on their CPUs and, where the lock is irq-safe, take it too. Beside them posts are handed over to sleepers.
 *
 * Each kind of lock is an entry of the table in litmus/lock-kinds.ts; what must hold inside is in section.ts.
 */
import { addTimer, freeTimer, setupTimer, type Timer, timerFunctions, usleep } from '../../irq/timer.ts';
import { report } from '../../machine/finding.ts';
import type { Kernel } from '../../machine/kernel.ts';
import type { Actor, Program } from '../../machine/machine.ts';
import {
  COMPLETION_WORDS,
  type Completion,
  complete,
  declareCompletion,
  waitForCompletion,
} from '../../shared/completion.ts';
import { LINE_WORDS, memory, staticWords } from '../../shared/memory.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import { type Guard, type LockKind, lockKinds } from '../litmus/lock-kinds.ts';
import type { Scenario, Suite } from '../scenario.ts';
import { dealCpus } from './deal-cpus.ts';
import {
  declareHandOver,
  HAND_OVER_WORDS,
  HAND_OVERS,
  type HandOver,
  type HandOverKind,
  SECTION_WORDS,
  Section,
} from './section.ts';

/** Locks that softirqs may take. */
const IRQ_SAFE: ReadonlySet<string> = new Set(['spin-lock-irqsave', 'rwlock-irqsave']);
/** Locks whose holders may sleep. */
const SLEEPING: ReadonlySet<string> = new Set(['rw-semaphore', 'semaphore', 'mutex']);
/** How often each actor enters; the large ones are for threads, which must have the time to meet. */
const TIMES = [4, 8, 32, 128] as const;

type LockRole = 'writer' | 'reader' | 'timer';

interface TorturerPlan {
  readonly role: LockRole;
  readonly cpu: number;
  /** Number of the lock, −1: none. */
  readonly lock: number;
  readonly times: number;
  /** Timers: delay; others: one in so many times it sleeps inside, 0: never. */
  readonly delayUs: number;
  readonly lingers: number;
}

interface HandOverPlan {
  readonly kind: HandOverKind;
  readonly times: number;
  readonly posters: readonly number[];
  readonly takers: readonly number[];
}

export interface LocksPlan {
  /** Names of kinds. */
  readonly locks: readonly string[];
  readonly torturers: readonly TorturerPlan[];
  readonly handOver: HandOverPlan | null;
}

/** The plan of a round; each round begins on another CPU and with another kind of lock. */
export function planLocksRound(seed: number, round: number, cpus: number): LocksPlan {
  const random = new Random(deriveSeed(seed, round));
  const locks = [lockKinds[round % lockKinds.length] as LockKind];
  if (random.chance(1, 3)) locks.push(lockKinds[random.below(lockKinds.length)] as LockKind);
  const times = TIMES[random.below(TIMES.length)] as number;
  const takeCpu = dealCpus(round, cpus);
  const torturers: TorturerPlan[] = [];
  const add = (role: LockRole, count: number): void => {
    for (let i = 0; i < count; i++) {
      const lock = random.below(locks.length);
      const { name } = locks[lock] as LockKind;
      const isTimer = role === 'timer';
      torturers.push({
        role,
        cpu: takeCpu(),
        lock: isTimer && !IRQ_SAFE.has(name) ? -1 : lock,
        times: isTimer ? 2 + random.below(4) : times,
        delayUs: isTimer ? random.below(60) : 0,
        lingers: SLEEPING.has(name) && random.chance(1, 3) ? 16 : 0,
      });
    }
  };
  add('writer', 2 + random.below(2));
  add('reader', 1 + random.below(2));
  add('timer', 1 + random.below(2));
  const handOver = random.chance(1, 2) ? planHandOver(random, takeCpu) : null;
  return { locks: locks.map(({ name }) => name), torturers, handOver };
}

function planHandOver(random: Random, takeCpu: () => number): HandOverPlan {
  const pairs = 1 + random.below(2);
  const cpusOf = (count: number): number[] => Array.from({ length: count }, takeCpu);
  return {
    kind: HAND_OVERS[random.below(HAND_OVERS.length)] as HandOverKind,
    times: 2 + random.below(8),
    posters: cpusOf(pairs),
    takers: cpusOf(pairs),
  };
}

/** A lock with what it guards. */
interface Torture {
  readonly guard: Guard;
  readonly section: Section;
}

/** A timer's actor: the timer sets off `done`. */
interface TimerState {
  readonly done: Completion;
  readonly torture: Torture | null;
  readonly who: number;
}

interface Built {
  readonly plan: LocksPlan;
  readonly tortures: readonly Torture[];
  /** By number of torturer, for timers. */
  readonly timers: readonly (TimerState | null)[];
  readonly handOver: HandOver | null;
  /** A line for each torturer: how many times it was inside, as a writer and as a reader. */
  readonly entered: number;
}

/** The timers of the round that this thread has built. */
let timerStates: readonly (TimerState | null)[] = [];

const TORTURE_TIMER = timerFunctions.define('lock-torture', function* tortureTimer(number): Kernel<void> {
  const { done, torture, who } = timerStates[number] as TimerState;
  if (torture !== null) yield* torture.guard.exclusive(() => torture.section.write(who));
  yield* complete(done, HERE);
});

function declare(plan: LocksPlan): Built {
  const tortures = plan.locks.map((name) => {
    const kind = lockKinds.find((each) => each.name === name) as LockKind;
    // A class of its own for each kind: some may be used where others must not.
    return { guard: kind.declare(`&torture->${name}`), section: new Section(name) };
  });
  const timers = plan.torturers.map(({ role, lock }, number) => {
    if (role !== 'timer') return null;
    return { done: declareCompletion('&torture->timer'), torture: tortures[lock] ?? null, who: number + 1 };
  });
  timerStates = timers;
  const handOver = plan.handOver === null ? null : declareHandOver(plan.handOver.kind);
  return { plan, tortures, timers, handOver, entered: staticWords(plan.torturers.length * LINE_WORDS) };
}

function wordsOf({ locks, torturers }: LocksPlan): number {
  const lockWords = Math.max(...lockKinds.map(({ words }) => words)) + SECTION_WORDS;
  return locks.length * lockWords + torturers.length * (COMPLETION_WORDS + LINE_WORDS) + HAND_OVER_WORDS;
}

function* hammer(built: Built, plan: TorturerPlan, number: number): Kernel<void> {
  const { guard, section } = built.tortures[plan.lock] as Torture;
  const who = number + 1;
  const isWriter = plan.role === 'writer';
  const body = isWriter ? () => section.write(who) : () => section.read(who);
  const lingering = function* (): Kernel<void> {
    yield* usleep(5, HERE);
    yield* body();
  };
  for (let i = 0; i < plan.times; i++) {
    const inside = plan.lingers > 0 && i % plan.lingers === 1 ? lingering : body;
    if (!isWriter && guard.shared !== undefined) yield* guard.shared(inside);
    else yield* guard.exclusive(inside);
    countEntered(built, number, isWriter ? WRITES : READS);
  }
}

const WRITES = 0;
const READS = 1;

function countEntered(built: Built, number: number, how: number): void {
  (memory.words[built.entered + number * LINE_WORDS + how] as number)++;
}

/** How often torturers were inside a lock of the plan. */
function enteredSum({ plan, entered }: Built, lock: number, how: number): number {
  let sum = 0;
  plan.torturers.forEach((each, number) => {
    if (each.lock === lock) sum += memory.words[entered + number * LINE_WORDS + how] as number;
  });
  return sum;
}

function* setOffTimers(built: Built, plan: TorturerPlan, number: number): Kernel<void> {
  const { done, torture } = built.timers[number] as TimerState;
  const timer: Timer = setupTimer(TORTURE_TIMER, number);
  for (let i = 0; i < plan.times; i++) {
    yield* addTimer(timer, plan.delayUs, HERE);
    yield* waitForCompletion(done, HERE);
    if (torture !== null) countEntered(built, number, WRITES);
  }
  freeTimer(timer);
}

function actorsOf(built: Built): Actor[] {
  const actors = built.plan.torturers.map((plan, number): Actor => {
    const run = plan.role === 'timer' ? setOffTimers : hammer;
    return { name: `${plan.role}${number}`, cpu: plan.cpu, run: () => run(built, plan, number) };
  });
  const { handOver } = built;
  const plan = built.plan.handOver;
  if (handOver === null || plan === null) return actors;
  const repeat = (once: () => Kernel<void>) =>
    function* (): Kernel<void> {
      for (let i = 0; i < plan.times; i++) yield* once();
    };
  plan.posters.forEach((cpu, i) => {
    actors.push({ name: `poster${i}`, cpu, run: repeat(() => handOver.post()) });
  });
  plan.takers.forEach((cpu, i) => {
    actors.push({ name: `taker${i}`, cpu, run: repeat(() => handOver.take()) });
  });
  return actors;
}

/** What the writers have counted for themselves is what the locks' words say. */
function verify(built: Built): void {
  built.tortures.forEach(({ section }, lock) => {
    const sum = enteredSum(built, lock, WRITES);
    if (section.written !== sum)
      report(
        'assertion',
        '',
        `${built.plan.locks[lock]}: its writers were inside ${sum} times, ${section.written} were counted`,
      );
  });
}

/** `locks.mutex.writes` and the like; a round may have two locks of one kind. */
function countsOf(built: Built): Record<string, number> {
  const counts: Record<string, number> = {};
  const add = (name: string, count: number): void => {
    counts[name] = (counts[name] ?? 0) + count;
  };
  built.plan.locks.forEach((kind, lock) => {
    add(`locks.${kind}.writes`, enteredSum(built, lock, WRITES));
    add(`locks.${kind}.reads`, enteredSum(built, lock, READS));
  });
  return counts;
}

function program(built: Built): Program {
  const entered = (): number => built.tortures.reduce((sum, { section }) => sum + section.written, 0);
  return {
    *setup(): Kernel<void> {
      for (const { guard } of built.tortures) if (guard.setup !== undefined) yield* guard.setup();
    },
    actors: actorsOf(built),
    *verify(): Kernel<void> {
      verify(built);
    },
    outcome: () => `${entered()} times inside`,
    counts: () => countsOf(built),
  };
}

export const locks: Suite = {
  name: 'locks',
  title: 'writers, readers and interrupts on every kind of lock',
  round(seed, round, cpus): Scenario {
    const plan = planLocksRound(seed, round, cpus);
    return {
      name: `locks@${seed}.${round}`,
      title: plan.locks.join(', '),
      cpus,
      staticWords: wordsOf(plan),
      build: () => program(declare(plan)),
    };
  },
};
