/**
 * One execution on the model machine: all CPUs, tasks, interrupts and disks in one thread, one operation at a time.
 *
 * At each step the strategy picks one of the moves that are possible:
 *   a CPU runs the pending operation of what is on top there (an interrupt, else its task),
 *   an idle CPU, or one whose task sleeps, switches to another of its tasks,
 *   a CPU with interrupts on takes a pending line.
 * A move whose operation waits for something is not possible, so nothing spins. No move and tasks left: a deadlock.
 */
import { ALARM_ARMED, ALARM_GOING_OFF, Alarm } from '../irq/alarm.ts';
import { doIrq } from '../irq/interrupt.ts';
import { startInterruptActor } from '../irq/interrupt-actor.ts';
import { KernelFinding, report } from '../machine/finding.ts';
import { CHOICE_COMPLETION, type ChoiceKind, OP_SCHEDULE, OP_START, open } from '../machine/kernel.ts';
import type { RunOutcome } from '../machine/machine.ts';
import { bindOperations } from '../machine/operations.ts';
import { memory, perCpuBase, type SlabPlan } from '../shared/memory.ts';
import { checkTaskEnd, enterCpu } from '../shared/per-cpu.ts';
import { CPU_CURRENT, CPU_IRQS_OFF, CPU_PENDING, CPU_TASKS } from '../shared/per-cpu-layout.ts';
import { boundProgram, PARTS, spawnPart, taskName } from '../shared/program.ts';
import { programs, releaseTask, Task } from '../shared/task.ts';
import { type AlarmChooser, Cell } from './cell.ts';
import { type Host, modelOperations } from './operations.ts';
import { describeFinding, whoIsStuck } from './places.ts';
import { MOVE_IRQ, MOVE_STEP, MOVE_SWITCH, type Moves, type Strategy } from './strategy.ts';

/** A generator under way: a task, or an interrupt on top of one. */
export class Context {
  readonly cell = new Cell();
  iterator: Iterator<number, void, unknown> | null = null;
  /** Null for an interrupt. */
  task: Task | null = null;
  line = 0;
}

/** What one CPU of the model runs. */
export class ModelCpu {
  readonly number: number;
  readonly base: number;
  /** The task that the CPU runs, or that went to sleep on it last. */
  running: Context | null = null;
  readonly tasks: Context[] = [];
  /** Interrupts under way, innermost last. */
  readonly interrupts: Context[] = [];

  constructor(number: number) {
    this.number = number;
    this.base = perCpuBase(number);
  }

  /** What runs when the CPU moves. */
  get top(): Context | null {
    const depth = this.interrupts.length;
    return depth > 0 ? (this.interrupts[depth - 1] as Context) : this.running;
  }
}

/** What others check while the machine stands still. What they find is reported as the run's finding. */
export interface ExecutionChecks {
  /** Each part of the program has ended and nothing can move. */
  readonly atQuiescence?: (() => void) | undefined;
  /** Nothing can move and tasks are left: may say why before the plain deadlock is reported. */
  readonly whenStuck?: (() => void) | undefined;
}

/** Hears each step of an execution before it runs. */
export type StepObserver = (cpu: ModelCpu, context: Context) => void;

const ALARM_STATE = Alarm.offsetOf('state');

export class Execution implements Host, Moves, AlarmChooser {
  cell = new Cell();
  steps = 0;
  /** Folds every step: same schedule, same hash. */
  hash = 0;
  observer: StepObserver | null = null;
  readonly cpus: ModelCpu[] = [];
  readonly #strategy: Strategy;
  readonly #stepLimit: number;
  readonly #checks: ExecutionChecks;
  readonly #alarms: SlabPlan;
  readonly #spare: Context[] = [];
  // The moves found by the last collect: CPU, kind and argument of each.
  readonly #moveCpu: number[] = [];
  readonly #moveKind: number[] = [];
  readonly #moveArg: number[] = [];
  #moveCount = 0;

  /** An execution on the memory that is bound. `stepLimit`: a run that takes more steps is a livelock. */
  constructor(cpuCount: number, strategy: Strategy, stepLimit: number, checks: ExecutionChecks = {}) {
    const slab = memory.plan?.slabs.get(Alarm.name);
    if (slab === undefined) throw new Error('no memory is bound');
    this.#alarms = slab;
    this.#strategy = strategy;
    this.#stepLimit = stepLimit;
    this.#checks = checks;
    for (let number = 0; number <= cpuCount; number++) this.cpus.push(new ModelCpu(number));
  }

  /** Runs the bound program once, from memory in its boot state. */
  run(): RunOutcome {
    this.#reset();
    bindOperations(modelOperations(this));
    try {
      enterCpu(0);
      startInterruptActor();
      for (const part of PARTS) if (spawnPart(part) > 0) this.#untilQuiet();
      const program = boundProgram();
      return { finding: null, outcome: program.outcome?.() ?? '', counts: program.counts?.() ?? {}, steps: this.steps };
    } catch (error) {
      if (!(error instanceof KernelFinding)) throw error;
      return { finding: describeFinding(error, this.cpus), outcome: null, counts: {}, steps: this.steps };
    }
  }

  #reset(): void {
    this.steps = 0;
    this.hash = 0;
    for (const each of this.cpus) {
      for (const context of each.tasks) this.#spare.push(context);
      for (const context of each.interrupts) this.#spare.push(context);
      each.running = null;
      each.tasks.length = 0;
      each.interrupts.length = 0;
    }
  }

  #untilQuiet(): void {
    while (this.#strategy.next(this)) {
      if (this.steps >= this.#stepLimit) report('livelock', 'I48', `the run is not over after ${this.steps} steps`);
    }
    const waiting = whoIsStuck(this.cpus);
    if (waiting.length > 0) {
      this.#checks.whenStuck?.();
      report('deadlock', 'I48', `no CPU can move: ${waiting.join('; ')}`);
    }
    this.#checks.atQuiescence?.();
  }

  #context(): Context {
    const context = this.#spare.pop() ?? new Context();
    context.cell.kind = OP_START;
    // The trace hash folds the word of each step: what the last task left in it must not show.
    context.cell.word = 0;
    context.cell.sequel = 0;
    context.cell.announced = false;
    context.cell.alarms = this;
    return context;
  }

  choose(kind: ChoiceKind, count: number): number {
    return this.#strategy.choose(kind, count);
  }

  spawned(cpu: number, slot: number): void {
    const owner = this.cpus[cpu] as ModelCpu;
    const task = Task.at(memory.words[owner.base + CPU_TASKS + slot] as number);
    const context = this.#context();
    context.task = task;
    context.iterator = open(programs.at(task.program)(task.arg));
    context.cell.stateWord = task.state.word;
    context.cell.signalWord = task.sigpending.word;
    owner.tasks.push(context);
  }

  anyArmed(): boolean {
    const w = memory.words;
    const { firstSlot, slots, slotWords } = this.#alarms;
    for (let slot = 0, word = firstSlot + ALARM_STATE; slot < slots; slot++, word += slotWords)
      if (w[word] === ALARM_ARMED) return true;
    return false;
  }

  goOff(): number {
    const w = memory.words;
    const { firstSlot, slots, slotWords } = this.#alarms;
    const armed: number[] = [];
    for (let slot = 0, word = firstSlot + ALARM_STATE; slot < slots; slot++, word += slotWords)
      if (w[word] === ALARM_ARMED) armed.push(word);
    const chosen = armed.length === 1 ? 0 : this.#strategy.choose(CHOICE_COMPLETION, armed.length);
    const word = armed[chosen] as number;
    w[word] = ALARM_GOING_OFF;
    return word - ALARM_STATE;
  }

  canStep(cpu: number): boolean {
    const top = (this.cpus[cpu] as ModelCpu).top;
    return top?.cell.enabled() === true;
  }

  step(cpu: number): void {
    this.#resume(this.cpus[cpu] as ModelCpu);
  }

  cpuOf(index: number): number {
    return this.#moveCpu[index] as number;
  }

  collect(): number {
    const w = memory.words;
    this.#moveCount = 0;
    for (const each of this.cpus) {
      const pending = w[each.base + CPU_PENDING] as number;
      if (pending !== 0 && w[each.base + CPU_IRQS_OFF] === 0)
        for (let line = 0; pending >> line !== 0; line++)
          if ((pending & (1 << line)) !== 0) this.#move(each.number, MOVE_IRQ, line);
      const top = each.top;
      if (top?.cell.enabled() === true) this.#move(each.number, MOVE_STEP, 0);
      // A task that was woken meanwhile competes with the others of its CPU.
      if (each.interrupts.length === 0 && (top === null || top.cell.kind === OP_SCHEDULE)) this.#switches(each, top);
    }
    return this.#moveCount;
  }

  #switches(each: ModelCpu, top: Context | null): void {
    for (let i = 0; i < each.tasks.length; i++) {
      const context = each.tasks[i] as Context;
      if (context !== top && context.cell.enabled()) this.#move(each.number, MOVE_SWITCH, i);
    }
  }

  #move(cpu: number, kind: number, arg: number): void {
    const index = this.#moveCount++;
    this.#moveCpu[index] = cpu;
    this.#moveKind[index] = kind;
    this.#moveArg[index] = arg;
  }

  take(index: number): void {
    const owner = this.cpus[this.#moveCpu[index] as number] as ModelCpu;
    const kind = this.#moveKind[index];
    const arg = this.#moveArg[index] as number;
    if (kind === MOVE_SWITCH) {
      const context = owner.tasks[arg] as Context;
      owner.running = context;
      memory.words[owner.base + CPU_CURRENT] = (context.task as Task).handle;
    } else if (kind === MOVE_IRQ) {
      this.#enterInterrupt(owner, arg);
    }
    this.#resume(owner);
  }

  /** The controller acknowledges the line and the handler is on top from now on. */
  #enterInterrupt(owner: ModelCpu, line: number): void {
    const w = memory.words;
    w[owner.base + CPU_PENDING] = (w[owner.base + CPU_PENDING] as number) & ~(1 << line);
    const context = this.#context();
    context.task = null;
    context.line = line;
    context.iterator = open(doIrq(line));
    owner.interrupts.push(context);
  }

  /** Runs the pending operation of what is on top of a CPU, and the code behind it up to the next one. */
  #resume(owner: ModelCpu): void {
    const context = owner.top as Context;
    const cell = context.cell;
    enterCpu(owner.number);
    this.cell = cell;
    this.steps++;
    this.hash =
      Math.imul(this.hash ^ (owner.number | (cell.kind << 5) | (cell.word << 10)), 0x9e3779b1) ^ (this.hash >>> 15);
    if (this.observer !== null) this.observer(owner, context);
    if ((context.iterator as Iterator<number, void, unknown>).next().done === true) this.#ended(owner, context);
  }

  #ended(owner: ModelCpu, context: Context): void {
    this.#spare.push(context);
    context.iterator = null;
    if (context.task === null) {
      owner.interrupts.pop();
      return;
    }
    checkTaskEnd(taskName(context.task));
    owner.tasks.splice(owner.tasks.indexOf(context), 1);
    owner.running = null;
    memory.words[owner.base + CPU_CURRENT] = 0;
    releaseTask(context.task);
  }
}
