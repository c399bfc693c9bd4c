/**
 * Where everybody stands on the real machine, read from its memory when it has stopped or is stuck.
 */
import type { PlaceReport } from '../machine/machine.ts';
import { siteText } from '../machine/site.ts';
import { locksHeldByTask } from '../shared/holders.ts';
import { memory, perCpuBase } from '../shared/memory.ts';
import {
  CPU_CURRENT,
  CPU_HARDIRQ_DEPTH,
  CPU_SOFTIRQ_DEPTH,
  CPU_STEP_RING,
  CPU_STEPS,
  STEP_RING_ENTRIES,
  STEP_SITE_SHIFT,
} from '../shared/per-cpu-layout.ts';
import { isDaemon, taskName } from '../shared/program.ts';
import { locksHeldByCpu } from '../shared/spinlock.ts';
import { lockTypeAt, wordName } from '../shared/struct-registry.ts';
import { TASK_RUNNING, Task } from '../shared/task.ts';

/** A step of the ring as text, newest = 0. */
function stepText(cpu: number, age: number): string | null {
  const w = memory.words;
  const base = perCpuBase(cpu);
  const step = (w[base + CPU_STEPS] as number) - 1 - age;
  if (step < 0) return null;
  const packed = w[base + CPU_STEP_RING + (step & (STEP_RING_ENTRIES - 1))] as number;
  const word = packed & ((1 << STEP_SITE_SHIFT) - 1);
  return `${siteText(packed >>> STEP_SITE_SHIFT)}${word === 0 ? '' : ` ${wordName(word)}`}`;
}

/** The lock that a CPU's last step has to wait for: its bit is in the word behind the lock. */
function contendedLock(cpu: number, held: readonly string[]): string {
  const w = memory.words;
  const base = perCpuBase(cpu);
  const last = (w[base + CPU_STEPS] as number) - 1;
  if (last < 0) return '';
  const word = (w[base + CPU_STEP_RING + (last & (STEP_RING_ENTRIES - 1))] as number) & ((1 << STEP_SITE_SHIFT) - 1);
  if (word === 0 || lockTypeAt(word) === null || ((w[word + 1] as number) & (1 << cpu)) === 0) return '';
  const name = wordName(word);
  return held.includes(name) ? '' : name;
}

function lastSteps(cpu: number): string[] {
  const steps: string[] = [];
  for (let age = STEP_RING_ENTRIES - 1; age >= 0; age--) {
    const text = stepText(cpu, age);
    if (text !== null) steps.push(text);
  }
  return steps;
}

/** What runs on top of the task of a CPU, or while it is idle; '' for nothing. */
function interruptOn(cpu: number): string {
  const w = memory.words;
  const base = perCpuBase(cpu);
  if (w[base + CPU_HARDIRQ_DEPTH] !== 0) return ', in a hardirq';
  return w[base + CPU_SOFTIRQ_DEPTH] === 0 ? '' : ', in a softirq';
}

/** What is to wake a task. */
function sleepsFor(task: Task): string {
  return task.blockedOn === 0 ? 'a wake-up' : wordName(task.blockedOn);
}

/** A place for each CPU, and one for each task that is on none: it sleeps, or waits for its turn. */
export function realPlaces(cpus: number): PlaceReport[] {
  const places: PlaceReport[] = [];
  for (let cpu = 0; cpu <= cpus; cpu++) {
    const handle = memory.words[perCpuBase(cpu) + CPU_CURRENT] as number;
    const task = handle === 0 ? null : Task.at(handle);
    const interrupt = interruptOn(cpu);
    const runs = task !== null || interrupt !== '';
    const steps = lastSteps(cpu);
    const holds = [...locksHeldByCpu(cpu), ...(task === null ? [] : locksHeldByTask(task))];
    places.push({
      cpu,
      who: `${task === null ? 'idle' : taskName(task)}${interrupt}`,
      at: runs ? (steps.at(-1) ?? '') : '',
      holds,
      waitsFor: runs ? contendedLock(cpu, holds) : '',
      lastSteps: steps,
    });
  }
  for (const task of Task.live()) {
    if (isDaemon(task) || memory.words[perCpuBase(task.cpu) + CPU_CURRENT] === task.handle) continue;
    const isReady = Atomics.load(memory.words, task.state.word) === TASK_RUNNING;
    places.push({
      cpu: task.cpu,
      who: taskName(task),
      at: isReady ? 'ready' : 'asleep',
      holds: locksHeldByTask(task),
      waitsFor: isReady ? '' : sleepsFor(task),
      lastSteps: [],
    });
  }
  return places;
}
