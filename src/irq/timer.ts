/**
 * Timers: a function that runs in the TIMER softirq of one CPU some time from now.
 *
 * Models mod_timer, del_timer, msleep (schedule_timeout_uninterruptible). On threads the time is real, on the model a timer
 * goes off when the scheduler chooses it.
 *
 * A timer's `expired` link is used on its own CPU only, with interrupts off.
 */
import { report } from '../machine/finding.ts';
import { type Kernel, RMW_EXCHANGE, resolved } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { FunctionTable } from '../shared/function-table.ts';
import { memory } from '../shared/memory.ts';
import { cpu, cpuBase } from '../shared/per-cpu.ts';
import { CPU_TIMERS_HEAD, CPU_TIMERS_TAIL } from '../shared/per-cpu-layout.ts';
import { defineStruct, plain, type Struct } from '../shared/struct.ts';
import {
  current,
  mightSleep,
  schedule,
  setCurrentState,
  TASK_RUNNING,
  TASK_UNINTERRUPTIBLE,
  Task,
  wakeUpTask,
} from '../shared/task.ts';
import { Alarm, armAlarm, cancelAlarm, devices } from './alarm.ts';
import { LINE_TIMER } from './interrupt.ts';
import { openSoftirq, raiseSoftirq, TIMER_SOFTIRQ } from './softirq.ts';

/** What a timer runs, with the number it was set up with. */
export const timerFunctions = new FunctionTable<(arg: number) => Kernel<void>>('timer');

export interface Timer extends Struct {
  alarm: number;
  fn: number;
  arg: number;
  next: number;
}

export const Timer = defineStruct<Timer>('timer', 'timer', 16, { alarm: plain, fn: plain, arg: plain, next: plain });

/** A timer of this CPU that will run `fn(arg)`. */
export function setupTimer(fn: number, arg: number): Timer {
  const timer = Timer.alloc();
  const alarm = Alarm.alloc();
  if (timer === null || alarm === null) report('assertion', '', 'no timer is free');
  alarm.device = TIMER_DEVICE;
  alarm.arg = timer.handle;
  alarm.cpu = cpu;
  timer.alarm = alarm.handle;
  timer.fn = fn;
  timer.arg = arg;
  return timer;
}

/** Sets a timer that is not running. */
export function* addTimer(timer: Timer, delayUs: number, site: Site): Kernel<void> {
  yield* armAlarm(Alarm.at(timer.alarm), delayUs, site);
}

/** Stops a timer; gives 1 if it had not gone off. One that has may still be about to run. */
export function* delTimer(timer: Timer, site: Site): Kernel<number> {
  return yield* cancelAlarm(Alarm.at(timer.alarm), site);
}

/** Gives the timer's memory back; it must neither be running nor about to run. */
export function freeTimer(timer: Timer): void {
  Alarm.free(Alarm.at(timer.alarm));
  Timer.free(timer);
}

export const TIMER_DEVICE = devices.define('timer', {
  line: LINE_TIMER,
  elapsed: () => resolved(1),
  *interrupt(alarm): Kernel<void> {
    const w = memory.words;
    const timer = Timer.at(alarm.arg);
    timer.next = 0;
    const tail = w[cpuBase + CPU_TIMERS_TAIL] as number;
    if (tail === 0) w[cpuBase + CPU_TIMERS_HEAD] = timer.handle;
    else Timer.at(tail).next = timer.handle;
    w[cpuBase + CPU_TIMERS_TAIL] = timer.handle;
    yield* raiseSoftirq(TIMER_SOFTIRQ, HERE);
  },
});

openSoftirq(TIMER_SOFTIRQ, function* runTimers(): Kernel<void> {
  const w = memory.words;
  for (;;) {
    const saved = yield* ops.irqOff(HERE);
    const handle = w[cpuBase + CPU_TIMERS_HEAD] as number;
    const timer = handle === 0 ? null : Timer.at(handle);
    if (timer !== null) {
      w[cpuBase + CPU_TIMERS_HEAD] = timer.next;
      if (timer.next === 0) w[cpuBase + CPU_TIMERS_TAIL] = 0;
    }
    yield* ops.irqOn(saved, HERE);
    if (timer === null) return;
    // After this call the timer may be gone.
    yield* timerFunctions.at(timer.fn)(timer.arg);
  }
});

const WAKE_SLEEPER = timerFunctions.define('wake-sleeper', function* wakeSleeper(handle): Kernel<void> {
  const task = Task.at(handle);
  // The sleeper frees its timer when it sees the word, so the wake-up comes second and uses the task alone.
  yield* ops.rmw(task.scratch.word, RMW_EXCHANGE, 1, HERE);
  yield* wakeUpTask(task, TASK_UNINTERRUPTIBLE, HERE);
});

/** Sleeps for some time. Ignores signals. */
export function* usleep(delayUs: number, site: Site): Kernel<void> {
  mightSleep('usleep', site);
  const task = current();
  yield* task.scratch.set(0, site);
  const timer = setupTimer(WAKE_SLEEPER, task.handle);
  yield* addTimer(timer, delayUs, site);
  for (;;) {
    yield* setCurrentState(TASK_UNINTERRUPTIBLE, site);
    if ((yield* task.scratch.read(site)) !== 0) break;
    yield* schedule(site);
  }
  yield* setCurrentState(TASK_RUNNING, site);
  freeTimer(timer);
}
