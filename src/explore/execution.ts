/**
 * One execution on the model machine: all CPUs, tasks, interrupts and disks in one thread, one operation at a time.
 *
 * At each step the strategy picks one of the moves that are possible:
 *   a CPU runs the pending operation of what is on top there (an interrupt, else its task),
 *   an idle CPU, or one whose task sleeps, switches to another of its tasks,
 *   a CPU with interrupts on takes a pending line.
 * A move whose operation waits for something is not possible, so nothing spins. No move and tasks left: a deadlock. One that closes a
 * cycle is reported at once (wait-for.ts), and so are runs that get nowhere (livelock.ts).
 */
import { ALARM_ARMED, ALARM_GOING_OFF, Alarm } from '../irq/alarm.ts';
import { doIrq } from '../irq/interrupt.ts';
import { startInterruptActor } from '../irq/interrupt-actor.ts';
import { TIMER_DEVICE } from '../irq/timer.ts';
import { KernelFinding, report } from '../machine/finding.ts';
import {
  CHOICE_ALLOCATION,
  CHOICE_COMPLETION,
  CHOICE_LATE,
  CHOICE_WAKE,
  type ChoiceKind,
  OP_RELAX,
  OP_SCHEDULE,
  OP_START,
  open,
} from '../machine/kernel.ts';
import type { Budget, RunOutcome } from '../machine/machine.ts';
import { bindOperations } from '../machine/operations.ts';
import { memory, type SlabPlan } from '../shared/memory.ts';
import { checkTaskEnd, enterCpu } from '../shared/per-cpu.ts';
import { CPU_CURRENT, CPU_IRQS_OFF, CPU_PENDING, CPU_TASKS } from '../shared/per-cpu-layout.ts';
import { boundProgram, isDaemon, PARTS, spawnPart, taskName } from '../shared/program.ts';
import { watchFrees } from '../shared/slab.ts';
import { programs, releaseTask, TASK_INTERRUPTIBLE, Task } from '../shared/task.ts';
import { Cell, type Chooser } from './cell.ts';
import { BUDGET_KINDS, type BudgetKind, BudgetLeft, ChoiceList, NO_BUDGET, shareOf, UNLIMITED } from './choices.ts';
import { Context, FIRST_TASK, ModelCpu } from './context.ts';
import { ALONE_MAX, ALONE_PATIENCE, FairRounds, StandingStill, whereTheyAre } from './livelock.ts';
import { type Host, modelOperations } from './operations.ts';
import { CYCLE, describeFinding, waitsOf, whoIsStuck } from './places.ts';
import type { RunListener } from './run-listener.ts';
import { type Moves, type Strategy, TURN_GIVE_UP, TURN_MADE, TURN_NONE, type Turn } from './strategy.ts';
import { WaitFor, type WakersOf } from './wait-for.ts';

/** What others check while the machine stands still. What they find is reported as the run's finding. */
export interface ExecutionChecks {
  /** Each part of the program has ended and nothing can move. */
  readonly atQuiescence?: (() => void) | undefined;
  /** Nothing can move and tasks are left: may say why before the plain deadlock is reported. */
  readonly whenStuck?: (() => void) | undefined;
  /** These can never go on, whatever the others do: may say why before the plain deadlock is reported. */
  readonly whenClosed?: ((tasks: readonly Task[]) => void) | undefined;
  readonly wakersOf?: WakersOf | undefined;
}

/** What may happen in a run. */
export interface ExecutionBudget {
  /** Nothing that seldom happens by default. */
  readonly budget?: Budget | undefined;
  /** Each run draws its share of it; default: each has all of it. */
  readonly swarm?: boolean | undefined;
}

/** Hears each step of an execution before it runs. */
export type StepObserver = (cpu: ModelCpu, context: Context) => void;

/** Thrown when the strategy gives a run up. */
class GivenUp extends Error {}

const ALARM_STATE = Alarm.offsetOf('state');
const ALARM_DEVICE = Alarm.offsetOf('device');

/** Whether the alarm of this state word is a timer's. */
const isTimer = (stateWord: number): boolean => memory.words[stateWord - ALARM_STATE + ALARM_DEVICE] === TIMER_DEVICE;

/** Whether a CPU has something to do without an interrupt. Who relaxes in a loop may wait for one. */
function couldGoOn({ top, interrupts, tasks }: ModelCpu): boolean {
  const works = ({ cell }: Context): boolean => cell.kind !== OP_RELAX && cell.enabled();
  if (top !== null && works(top)) return true;
  return interrupts.length === 0 && (top === null || top.cell.kind === OP_SCHEDULE) && tasks.some(works);
}

export class Execution implements Host, Moves, Chooser {
  cell = new Cell();
  steps = 0;
  /** Folds every step: same schedule, same hash. */
  hash = 0;
  observer: StepObserver | null = null;
  listener: RunListener | null = null;
  /** The strategy gave the last run up. */
  gaveUp = false;
  /** Runs so far. */
  runs = 0;
  /** What the last run chose. */
  readonly choices = new ChoiceList();
  readonly left = new BudgetLeft();
  readonly cpus: ModelCpu[] = [];
  #strategy: Strategy;
  readonly #stepLimit: number;
  /** The step from which on a run goes on in a fair way. */
  readonly #fairFrom: number;
  readonly #checks: ExecutionChecks;
  readonly #budget: Budget;
  readonly #swarm: boolean;
  /** Nobody could move but for timers, which go off then whatever the budget says. */
  #timersDue = false;
  readonly #alarms: SlabPlan;
  /** The state word of the alarm that was found armed last: most often it still is. */
  #armed: number;
  readonly #spare: Context[] = [];
  readonly #movers: Context[] = [];
  #moveCount = 0;
  #process = FIRST_TASK;
  readonly #operations = modelOperations(this);
  readonly #waitFor: WaitFor;
  readonly #still = new StandingStill();
  /** The run goes on in a fair way. */
  #wentFair = false;
  readonly #rounds = new FairRounds();
  /** Who makes the step; null between steps. */
  #mover: Context | null = null;

  /** An execution on the memory that is bound. `stepLimit`: a run that takes more steps is a livelock. */
  constructor(
    cpuCount: number,
    strategy: Strategy,
    stepLimit: number,
    checks: ExecutionChecks = {},
    { budget = NO_BUDGET, swarm = false }: ExecutionBudget = {},
  ) {
    const slab = memory.plan?.slabs.get(Alarm.name);
    if (slab === undefined) throw new Error('no memory is bound');
    this.#alarms = slab;
    this.#armed = slab.firstSlot + ALARM_STATE;
    this.#strategy = strategy;
    this.#stepLimit = stepLimit;
    this.#fairFrom = stepLimit >> 1;
    this.#checks = checks;
    this.#budget = budget;
    this.#swarm = swarm;
    for (let number = 0; number <= cpuCount; number++) this.cpus.push(new ModelCpu(number));
    this.#waitFor = new WaitFor(this.cpus, checks.wakersOf);
  }

  /** The next runs follow another strategy. */
  follow(strategy: Strategy): void {
    this.#strategy = strategy;
  }

  /** Runs the bound program once, from memory in its boot state. */
  run(): RunOutcome {
    this.#reset();
    bindOperations(this.#operations);
    const outcome = this.#outcome();
    this.#strategy.end?.(this.#pending());
    return outcome;
  }

  #outcome(): RunOutcome {
    try {
      enterCpu(0);
      startInterruptActor();
      for (const part of PARTS) {
        this.#mover = null;
        this.#strategy.part?.(part);
        // What seldom happens must not keep a scenario from being set up or verified.
        if (part === 'actors') this.left.refill(this.#share());
        else this.left.end();
        if (spawnPart(part) > 0) this.#untilQuiet();
      }
      const program = boundProgram();
      return { finding: null, outcome: program.outcome?.() ?? '', counts: program.counts?.() ?? {}, steps: this.steps };
    } catch (error) {
      this.listener?.rested?.();
      this.gaveUp = error instanceof GivenUp;
      if (this.gaveUp) return { finding: null, outcome: null, counts: {}, steps: this.steps };
      if (!(error instanceof KernelFinding)) throw error;
      return { finding: describeFinding(error, this.cpus), outcome: null, counts: {}, steps: this.steps };
    }
  }

  /** What this run may have. A kind that is switched off in a part of the runs leaves room for the others (Groce et al.: Swarm testing. ISSTA 2012). */
  #share(): Budget {
    if (!this.#swarm) return this.#budget;
    const share: Record<BudgetKind, number> = { ...this.#budget };
    for (const kind of BUDGET_KINDS)
      share[kind] = shareOf(kind, share[kind], (choice, count) => this.#ask(choice, count));
    return share;
  }

  #reset(): void {
    this.steps = 0;
    this.hash = 0;
    this.gaveUp = false;
    this.runs++;
    this.choices.clear();
    this.#process = FIRST_TASK;
    this.#mover = null;
    this.#timersDue = false;
    this.left.refill(NO_BUDGET);
    this.#waitFor.begin();
    this.#rounds.begin();
    this.#still.alone = 0;
    this.#wentFair = false;
    for (const each of this.cpus) {
      for (const context of each.tasks) this.#spare.push(context);
      for (const context of each.interrupts) this.#spare.push(context);
      each.running = null;
      each.tasks.length = 0;
      each.interrupts.length = 0;
      each.interruptSteps.fill(0);
    }
    const strategy = this.#strategy;
    const listener = this.listener;
    listener?.begin();
    watchFrees(
      strategy.freed === undefined && listener === null
        ? null
        : (slot) => {
            strategy.freed?.(slot);
            listener?.freed(slot);
          },
    );
  }

  /** Everybody who has not ended. */
  *#pending(): Iterable<Context> {
    for (const each of this.cpus) {
      yield* each.tasks;
      yield* each.interrupts;
      for (let pending = memory.words[each.base + CPU_PENDING] as number, line = 0; pending >> line !== 0; line++)
        if ((pending & (1 << line)) !== 0) yield this.#entering(each, line);
    }
  }

  #untilQuiet(): void {
    for (;;) {
      const turn = this.#isFair() ? this.#fairTurn() : this.#strategy.next(this);
      if (turn === TURN_GIVE_UP) throw new GivenUp();
      if (turn !== TURN_MADE && !this.#timersComeDue() && !this.#late()) break;
      if (this.#still.suspected && this.#standsStill())
        report(
          'livelock',
          'I48',
          `everybody waits in a loop for what nobody changes: ${whereTheyAre(this.#usualMovers())}`,
        );
      if (this.steps >= this.#stepLimit) report('livelock', 'I48', `the run is not over after ${this.steps} steps`);
    }
    const waiting = whoIsStuck(this.cpus);
    if (waiting.length > 0) {
      this.#checks.whenStuck?.();
      report('deadlock', 'I48', `no CPU can move: ${waiting.join('; ')}`);
    }
    this.#checks.atQuiescence?.();
  }

  /** An interrupt that the budget keeps back while its CPU has something to do, or a timer, may change what is waited for. */
  #standsStill(): boolean {
    const isAwaited = this.cpus.some(({ base }) => memory.words[base + CPU_PENDING] !== 0);
    return this.#still.isCertain(this.#usualMovers()) && !isAwaited && !this.#timersComeDue();
  }

  #usualMovers(): Context[] {
    return this.#movers.slice(0, this.#collectUsual());
  }

  /**
   * Runs that are very long go on in a fair way, or nobody could tell who is stuck from who is never let on; so do those in which the
   * kernel has long been alone, but for strategies that see to it themselves.
   */
  #isFair(): boolean {
    if (this.steps >= this.#fairFrom) return true;
    return this.#still.alone >= ALONE_PATIENCE && this.#strategy.finished === undefined;
  }

  #fairTurn(): Turn {
    this.left.lift();
    this.#noteFair();
    const movers = this.#usualMovers();
    if (movers.length === 0) return TURN_NONE;
    if (this.#still.alone >= ALONE_MAX)
      report(
        'livelock',
        'I48',
        `for ${ALONE_MAX} steps nobody could move but the kernel's own threads and interrupts: ${whereTheyAre(movers)}`,
      );
    if (this.#rounds.goesRound(this.cpus) && !this.#timersComeDue())
      report('livelock', 'I48', `everybody moves, and the run goes round and round: ${whereTheyAre(movers)}`);
    this.take(this.#rounds.pick(movers));
    if (this.#rounds.timersAreDue()) this.#timersComeDue();
    return TURN_MADE;
  }

  /** Who was kept from moving by a systematic strategy has his turn from now on, and not only after all this patience. */
  #noteFair(): void {
    if (this.#wentFair) return;
    this.#wentFair = true;
    if (this.#strategy.finished !== undefined) this.#still.alone = 0;
    this.#strategy.tookTooLong?.();
  }

  /** Nobody moves any more: timers that the budget has kept back may go off. */
  #timersComeDue(): boolean {
    if (this.#timersDue || this.left.timers > 0) return false;
    this.#timersDue = true;
    this.#timersDue = this.anyArmed();
    return this.#timersDue;
  }

  /** Nothing can move: something that seldom happens may still wake a sleeper. */
  #late(): boolean {
    const { signals, wakeups } = this.left;
    if ((signals === 0 && wakeups === 0) || this.#isFair()) return false;
    // There are no usual moves, so all that are collected are unusual ones.
    this.#collectAll();
    if (this.#moveCount === 0) return false;
    const chosen = this.#ask(CHOICE_LATE, 1 + this.#moveCount);
    if (chosen > 0) this.take(chosen - 1);
    return chosen > 0;
  }

  #context(): Context {
    const context = this.#spare.pop() ?? new Context();
    context.cell.kind = OP_START;
    // The trace hash folds the word of each step: what the last task left in it must not show.
    context.cell.word = 0;
    context.cell.sequel = 0;
    context.cell.announced = false;
    context.cell.killable = false;
    context.cell.chooser = this;
    context.iterator = null;
    context.children = 0;
    context.relaxedIn = -1;
    // A finding may have been made while it was looked at.
    context.isSuspect = false;
    return context;
  }

  #ask(kind: ChoiceKind, count: number): number {
    const value = this.#isFair() ? this.#rounds.answer(count) : this.#strategy.choose(kind, count);
    this.choices.answered(value);
    return value;
  }

  choose(kind: ChoiceKind, count: number): number {
    const value = this.#ask(kind, count);
    if (this.listener !== null) this.listener.chose(kind, value, 0);
    return value;
  }

  allocationFails(): boolean {
    if (this.left.allocations === 0 || this.#isFair() || this.#ask(CHOICE_ALLOCATION, 2) === 0) return false;
    if (this.listener !== null) this.listener.chose(CHOICE_ALLOCATION, 1, 0);
    this.left.allocations--;
    return true;
  }

  spawned(cpu: number, slot: number): void {
    const owner = this.cpus[cpu] as ModelCpu;
    const task = Task.at(memory.words[owner.base + CPU_TASKS + slot] as number);
    const context = this.#context();
    const parent = this.#mover;
    context.task = task;
    context.cpu = cpu;
    context.process = this.#process++;
    // The tasks of a part that have no parent are started in a fixed order.
    context.key =
      parent === null
        ? Math.imul(context.process, 0x85ebca6b)
        : Math.imul(parent.key ^ ++parent.children, 0x27d4eb2f) ^ (parent.key >>> 13);
    context.count = 0;
    context.iterator = open(programs.at(task.program)(task.arg));
    context.cell.stateWord = task.state.word;
    context.cell.signalWord = task.sigpending.word;
    context.cell.killable = !isDaemon(task);
    context.grantWord = task.lockGranted.word;
    owner.tasks.push(context);
    this.#strategy.spawned?.(context);
    this.listener?.spawned?.(context, parent);
  }

  mayWakeEarly(cell: Cell): boolean {
    const state = memory.words[cell.stateWord];
    return this.left.wakeups > 0 || (this.left.signals > 0 && state === TASK_INTERRUPTIBLE && cell.killable);
  }

  wakeEarly(cell: Cell): void {
    const w = memory.words;
    const { signals, wakeups } = this.left;
    let cause = 1;
    if (signals > 0 && w[cell.stateWord] === TASK_INTERRUPTIBLE && cell.killable)
      cause = wakeups === 0 ? 0 : this.#ask(CHOICE_WAKE, 2);
    if (this.listener !== null) this.listener.chose(CHOICE_WAKE, cause, 0);
    if (cause === 0) {
      this.left.signals--;
      w[cell.signalWord] = 1;
    } else this.left.wakeups--;
  }

  anyArmed(): boolean {
    if (this.#mayGoOff(this.#armed)) return true;
    const { firstSlot, slots, slotWords } = this.#alarms;
    for (let slot = 0, word = firstSlot + ALARM_STATE; slot < slots; slot++, word += slotWords)
      if (this.#mayGoOff(word)) {
        this.#armed = word;
        return true;
      }
    return false;
  }

  /** Whether an alarm is armed and may go off, as far as the budget is concerned. */
  #mayGoOff(stateWord: number): boolean {
    if (memory.words[stateWord] !== ALARM_ARMED) return false;
    return this.left.timers > 0 || this.#timersDue || !isTimer(stateWord);
  }

  goOff(): number {
    const w = memory.words;
    const { firstSlot, slots, slotWords } = this.#alarms;
    const armed: number[] = [];
    for (let slot = 0, word = firstSlot + ALARM_STATE; slot < slots; slot++, word += slotWords)
      if (this.#mayGoOff(word)) armed.push(word);
    const chosen = armed.length === 1 ? 0 : this.#ask(CHOICE_COMPLETION, armed.length);
    const word = armed[chosen] as number;
    if (this.listener !== null) this.listener.chose(CHOICE_COMPLETION, chosen, word);
    if (this.left.timers < UNLIMITED && isTimer(word)) {
      // The interrupt actor itself can move.
      if (!this.#timersDue && this.#collectUsual() > 1) this.left.timers--;
      this.#timersDue = false;
    }
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

  mover(index: number): Context {
    return this.#movers[index] as Context;
  }

  collect(): number {
    const usual = this.#collectUsual();
    if (usual > 0 && (this.left.signals | this.left.wakeups) !== 0) return this.#collectUnusual();
    return usual;
  }

  #collectAll(): void {
    this.#moveCount = 0;
    this.#collectUnusual();
  }

  #collectUsual(): number {
    const w = memory.words;
    this.#moveCount = 0;
    for (const each of this.cpus) {
      const pending = w[each.base + CPU_PENDING] as number;
      if (pending !== 0 && w[each.base + CPU_IRQS_OFF] === 0 && (this.left.interrupts > 0 || !couldGoOn(each)))
        for (let line = 0; pending >> line !== 0; line++)
          if ((pending & (1 << line)) !== 0) this.#movers[this.#moveCount++] = this.#entering(each, line);
      const top = each.top;
      if (top?.cell.enabled() === true) this.#movers[this.#moveCount++] = top;
      // A task that was woken meanwhile competes with the others of its CPU.
      if (each.interrupts.length === 0 && (top === null || top.cell.kind === OP_SCHEDULE))
        for (const context of each.tasks)
          if (context !== top && context.cell.enabled()) this.#movers[this.#moveCount++] = context;
    }
    return this.#moveCount;
  }

  /** Sleepers whom nobody has woken, but whom a signal or nothing at all may wake. */
  #collectUnusual(): number {
    for (const each of this.cpus) {
      const top = each.top;
      if (each.interrupts.length > 0 || (top !== null && top.cell.kind !== OP_SCHEDULE)) continue;
      for (const context of each.tasks) {
        const { cell } = context;
        if (cell.kind === OP_SCHEDULE && !cell.enabled() && this.mayWakeEarly(cell))
          this.#movers[this.#moveCount++] = context;
      }
    }
    return this.#moveCount;
  }

  /** The interrupt that enters when this CPU takes a line. */
  #entering(owner: ModelCpu, line: number): Context {
    let context = owner.entering[line] ?? null;
    if (context === null) {
      context = this.#context();
      owner.entering[line] = context;
    }
    owner.name(context, line);
    context.cell.word = owner.base + CPU_PENDING;
    return context;
  }

  take(index: number): void {
    const context = this.#movers[index] as Context;
    const owner = this.cpus[context.cpu] as ModelCpu;
    if (context.iterator === null) this.#enterInterrupt(owner, context);
    else if (context !== owner.top) {
      owner.running = context;
      memory.words[owner.base + CPU_CURRENT] = (context.task as Task).handle;
    }
    this.#resume(owner);
  }

  /** The controller acknowledges the line and the handler is on top from now on. */
  #enterInterrupt(owner: ModelCpu, context: Context): void {
    const w = memory.words;
    const { line } = context;
    if (this.left.interrupts < UNLIMITED && couldGoOn(owner)) this.left.interrupts--;
    w[owner.base + CPU_PENDING] = (w[owner.base + CPU_PENDING] as number) & ~(1 << line);
    owner.entering[line] = null;
    context.iterator = open(doIrq(line));
    owner.interrupts.push(context);
  }

  /** Runs the pending operation of what is on top of a CPU, and the code behind it up to the next one. */
  #resume(owner: ModelCpu): void {
    const context = owner.top as Context;
    const cell = context.cell;
    enterCpu(owner.number);
    this.cell = cell;
    this.#mover = context;
    this.steps++;
    context.count++;
    this.choices.moved(context.process);
    this.hash =
      Math.imul(this.hash ^ (owner.number | (cell.kind << 5) | (cell.word << 10)), 0x9e3779b1) ^ (this.hash >>> 15);
    if (this.#strategy.moving !== undefined) this.#strategy.moving(context);
    if (this.listener !== null) this.listener.moving(context);
    if (this.observer !== null) this.observer(owner, context);
    this.#waitFor.moving(context);
    this.#still.moving(context);
    const { done } = (context.iterator as Iterator<number, void, unknown>).next();
    this.#mover = null;
    if (this.listener !== null) this.listener.rested?.();
    if (done === true) this.#ended(owner, context);
    else if (!cell.enabled()) this.#blocked(context);
  }

  /** Whoever has just become blocked may have closed a cycle, while others still run. */
  #blocked(context: Context): void {
    const cycle = this.#waitFor.closedBy(context);
    if (cycle === null) return;
    this.#checks.whenClosed?.(cycle.flatMap(({ task }) => task ?? []));
    report('deadlock', 'I48', `${CYCLE}${waitsOf(cycle).join('; ')}`);
  }

  #ended(owner: ModelCpu, context: Context): void {
    this.#spare.push(context);
    context.iterator = null;
    if (context.task === null) {
      owner.interrupts.pop();
      owner.left(context);
      return;
    }
    checkTaskEnd(taskName(context.task));
    owner.tasks.splice(owner.tasks.indexOf(context), 1);
    owner.running = null;
    memory.words[owner.base + CPU_CURRENT] = 0;
    releaseTask(context.task);
  }
}
