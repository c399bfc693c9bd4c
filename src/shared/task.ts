/**
 * Tasks: coroutines pinned to one CPU, and how they sleep and are woken.
 *
 * Models task_struct, schedule(), wake_up_process(), signal_pending() as far as device-mapper needs them. There is no
 * kernel preemption: a CPU leaves a task only in schedule() or cond_resched(), or when the task ends.
 *
 * The state word (set by the task itself; back to TASK_RUNNING by whoever wakes it, with a compare-and-swap):
 *   0 TASK_RUNNING   1 TASK_INTERRUPTIBLE   2 TASK_UNINTERRUPTIBLE
 *
 * A correct sleep is: enqueue and set the state; test the condition; schedule. The waker makes the condition true first and
 * wakes afterwards, so one of the two sees the other.
 */
import { EV_TASK_END, emit, listening } from '../machine/events.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { FunctionTable } from './function-table.ts';
import { memory, perCpuBase } from './memory.ts';
import { cpu, cpuBase, inAtomic, inInterrupt, irqsDisabled } from './per-cpu.ts';
import { CPU_CURRENT, CPU_TASKS } from './per-cpu-layout.ts';
import { defineStruct, embed, marked, plain, type Struct } from './struct.ts';
import { wordName } from './struct-registry.ts';
import { releaseTaskSlot, takeTaskSlot } from './task-slots.ts';
import { Atomic, type Marked } from './word.ts';

export const TASK_RUNNING = 0;
export const TASK_INTERRUPTIBLE = 1;
export const TASK_UNINTERRUPTIBLE = 2;
/** Either kind of sleep. */
export const TASK_NORMAL = TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE;

/** Serves others for ever; a machine is quiet when only such tasks are left and all of them sleep. */
export const PF_DAEMON = 1;

export interface Task extends Struct {
  readonly state: Marked;
  readonly sigpending: Marked;
  cpu: number;
  slot: number;
  program: number;
  arg: number;
  taskFlags: number;
  /** Sleeping locks: the next waiter, what this one wants, and whether the waker has handed the lock over. */
  lockNext: number;
  lockWants: number;
  readonly lockGranted: Marked;
  /** Word of the sleeping lock that this task waits for; for findings. */
  blockedOn: number;
  /** Private submission lists (block/submit.ts): heads and tails of slot 0 and 1, and whether the task is inside one. */
  bioHead0: number;
  bioTail0: number;
  bioHead1: number;
  bioTail1: number;
  inMakeRequest: number;
  /** What a scenario wants to remember of a task. */
  readonly scratch: Atomic;
}

export const Task = defineStruct<Task>('task', 'task', 32, {
  state: marked,
  sigpending: marked,
  cpu: plain,
  slot: plain,
  program: plain,
  arg: plain,
  taskFlags: plain,
  lockNext: plain,
  lockWants: plain,
  lockGranted: marked,
  blockedOn: plain,
  bioHead0: plain,
  bioTail0: plain,
  bioHead1: plain,
  bioTail1: plain,
  inMakeRequest: plain,
  scratch: embed(1, (word) => new Atomic(word)),
});

/** What a task runs. `arg` is a number that the one who spawns hands over, often a handle. */
export type Program = (arg: number) => Kernel<void>;
export const programs = new FunctionTable<Program>('program');

/** The running task of this CPU. In an interrupt: the interrupted one, or null when the CPU was idle. */
export function currentOrNull(): Task | null {
  const handle = memory.words[cpuBase + CPU_CURRENT] as number;
  return handle === 0 ? null : Task.at(handle);
}

/** The running task of this CPU. */
export function current(): Task {
  const handle = memory.words[cpuBase + CPU_CURRENT] as number;
  if (handle === 0) report('assertion', '', `CPU ${cpu} runs no task here`);
  return Task.at(handle);
}

let actorName: (task: Task) => string | undefined = () => undefined;
/** Set by the program: what it calls a task that is one of its actors. */
export function bindActorNames(names: (task: Task) => string | undefined): void {
  actorName = names;
}

/** `submitter0` for an actor, `kdmflush/1` for program kdmflush on CPU 1. */
export function taskName(task: Task): string {
  return actorName(task) ?? `${programs.nameOf(task.program)}/${task.cpu}`;
}

/** Asserts that the caller may sleep in `what`; `lockWord` names the lock it is about, if any. */
export function mightSleep(what: string, site: Site, lockWord = 0): void {
  if (!inAtomic()) return;
  const where = lockWord === 0 ? what : `${what}(${wordName(lockWord)})`;
  report('sleep-in-atomic', 'I18', `CPU ${cpu} may sleep in ${where} while ${whyAtomic()}`, site);
}

function whyAtomic(): string {
  if (inInterrupt()) return 'it is in an interrupt';
  const held = heldSpinlocks();
  if (held.length > 0) return `it holds ${held.join(', ')}`;
  return irqsDisabled() ? 'its interrupts are off' : 'it holds a spinlock, or an rwlock for reading';
}

let heldSpinlocks: () => string[] = () => [];
/** Set by the spinlocks: names what the running CPU holds, for findings. */
export function bindHeldSpinlocks(names: () => string[]): void {
  heldSpinlocks = names;
}

/** Sleeps until the state is TASK_RUNNING, or interruptible with a signal pending. Who may go on lets other tasks of the CPU run first. */
export function schedule(site: Site): Kernel<void> {
  mightSleep('schedule', site);
  return ops.schedule(site);
}

/** cond_resched: in a loop that may be long, the other tasks of the CPU get their turn. */
export function condResched(site: Site): Kernel<void> {
  mightSleep('cond_resched', site);
  return ops.schedule(site);
}

export function setCurrentState(state: number, site: Site): Kernel<void> {
  return ops.store(current().state.word, state, site);
}

/** Wakes a task whose state is in `mask`; gives 1 if this call woke it. */
export function* wakeUpTask(task: Task, mask: number, site: Site): Kernel<number> {
  for (;;) {
    const state = yield* ops.load(task.state.word, site);
    if ((state & mask) === 0) return 0;
    if ((yield* ops.cmpxchg(task.state.word, state, TASK_RUNNING, site)) !== state) continue;
    ops.wake(task.cpu, task.slot);
    return 1;
  }
}

/** Sends a signal: pending from now on, and a task that sleeps interruptibly goes on. */
export function* sendSignal(task: Task, site: Site): Kernel<void> {
  yield* task.sigpending.write(1, site);
  yield* wakeUpTask(task, TASK_INTERRUPTIBLE, site);
}

export function signalPending(task: Task, site: Site): Kernel<number> {
  return task.sigpending.read(site);
}

/** Starts a task on a CPU. The slot words belong to no object, so they are changed without an operation, like the allocator's. */
export function spawn(targetCpu: number, program: number, arg: number, taskFlags = 0): Task {
  const task = Task.alloc();
  if (task === null) report('assertion', '', 'no task slot is free');
  const base = perCpuBase(targetCpu);
  task.cpu = targetCpu;
  task.program = program;
  task.arg = arg;
  task.taskFlags = taskFlags;
  task.slot = takeTaskSlot(base);
  memory.words[base + CPU_TASKS + task.slot] = task.handle;
  ops.spawned(task.cpu, task.slot);
  return task;
}

/** The task has ended: its slot and its memory are free again. Called by the machine on the task's own CPU. */
export function releaseTask(task: Task): void {
  if (listening !== 0) emit(EV_TASK_END, task.handle, 0, 0);
  const w = memory.words;
  const base = perCpuBase(task.cpu);
  const slot = task.slot;
  w[base + CPU_TASKS + slot] = 0;
  Task.free(task);
  releaseTaskSlot(base, slot);
}
