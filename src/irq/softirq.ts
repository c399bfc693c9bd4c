/**
 * Softirqs: work that a hard interrupt leaves for the way out, with interrupts on again.
 *
 * Models raise_softirq, __do_softirq and ksoftirqd. Softirqs of one CPU do not overlap; other CPUs may run the same kind.
 */
import { EV_SOFTIRQ_ENTER, EV_SOFTIRQ_EXIT, emit } from '../machine/events.ts';
import type { Kernel } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import { cpu, cpuBase, inInterrupt } from '../shared/per-cpu.ts';
import { CPU_KSOFTIRQD, CPU_SOFTIRQ_DEPTH, CPU_SOFTIRQ_PENDING, CPU_SOFTIRQS } from '../shared/per-cpu-layout.ts';
import {
  condResched,
  PF_DAEMON,
  programs,
  schedule,
  setCurrentState,
  spawn,
  TASK_INTERRUPTIBLE,
  TASK_NORMAL,
  TASK_RUNNING,
  Task,
  wakeUpTask,
} from '../shared/task.ts';

export const TIMER_SOFTIRQ = 0;
export const BLOCK_SOFTIRQ = 1;

/** After so many rounds in a row the rest is left to ksoftirqd, so that softirqs cannot starve tasks. */
const MAX_SOFTIRQ_RESTART = 10;

const actions: (() => Kernel<void>)[] = [];

/** Installs the action of a softirq. */
export function openSoftirq(softirq: number, action: () => Kernel<void>): void {
  actions[softirq] = action;
}

/** Marks a softirq of this CPU as pending. Outside interrupts nobody would run it soon, so ksoftirqd is woken. */
export function* raiseSoftirq(softirq: number, site: Site): Kernel<void> {
  const saved = yield* ops.irqOff(site);
  memory.words[cpuBase + CPU_SOFTIRQ_PENDING] =
    (memory.words[cpuBase + CPU_SOFTIRQ_PENDING] as number) | (1 << softirq);
  if (!inInterrupt()) yield* wakeKsoftirqd(site);
  yield* ops.irqOn(saved, site);
}

/** Runs pending softirqs. Called with interrupts off; they are off again at the end. */
export function* doSoftirq(): Kernel<void> {
  const w = memory.words;
  const base = cpuBase;
  (w[base + CPU_SOFTIRQ_DEPTH] as number)++;
  for (let round = 0; w[base + CPU_SOFTIRQ_PENDING] !== 0; round++) {
    if (round === MAX_SOFTIRQ_RESTART) {
      yield* wakeKsoftirqd(HERE);
      break;
    }
    const pending = w[base + CPU_SOFTIRQ_PENDING] as number;
    w[base + CPU_SOFTIRQ_PENDING] = 0;
    yield* ops.irqOn(1, HERE);
    for (let softirq = 0; pending >> softirq !== 0; softirq++) {
      if ((pending & (1 << softirq)) === 0) continue;
      (w[base + CPU_SOFTIRQS] as number)++;
      emit(EV_SOFTIRQ_ENTER, softirq, 0, 0);
      yield* (actions[softirq] as () => Kernel<void>)();
      emit(EV_SOFTIRQ_EXIT, softirq, 0, 0);
    }
    yield* ops.irqOff(HERE);
  }
  (w[base + CPU_SOFTIRQ_DEPTH] as number)--;
}

/** ksoftirqd of this CPU is made when it is first needed. */
function* wakeKsoftirqd(site: Site): Kernel<void> {
  const w = memory.words;
  const handle = w[cpuBase + CPU_KSOFTIRQD] as number;
  if (handle === 0) w[cpuBase + CPU_KSOFTIRQD] = spawn(cpu, KSOFTIRQD, 0, PF_DAEMON).handle;
  else yield* wakeUpTask(Task.at(handle), TASK_NORMAL, site);
}

const KSOFTIRQD = programs.define('ksoftirqd', function* ksoftirqd(): Kernel<void> {
  for (;;) {
    yield* setCurrentState(TASK_INTERRUPTIBLE, HERE);
    if (memory.words[cpuBase + CPU_SOFTIRQ_PENDING] === 0) yield* schedule(HERE);
    yield* setCurrentState(TASK_RUNNING, HERE);
    const saved = yield* ops.irqOff(HERE);
    yield* doSoftirq();
    yield* ops.irqOn(saved, HERE);
    // Tasks get their turn between two bursts.
    if (memory.words[cpuBase + CPU_SOFTIRQ_PENDING] !== 0) yield* condResched(HERE);
  }
});
