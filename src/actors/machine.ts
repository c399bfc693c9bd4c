/**
 * The real machine: a pool of worker threads that are its CPUs, and one more that is the interrupt actor.
 *
 * The threads are made once and run round after round. A round that can go no further is recognised by its state, not by
 * time: every CPU is parked and nobody has rung it since, no alarm is armed, no request waits. With no tasks left that is the
 * end of a part; with tasks left it is a hang.
 */
import { Piscina } from 'piscina';
import { KernelFinding } from '../machine/finding.ts';
import type { FindingReport, Program } from '../machine/machine.ts';
import { memory, perCpuBase } from '../shared/memory.ts';
import {
  CPU_DOORBELL,
  CPU_INTERRUPTS,
  CPU_PARK_SEQ,
  CPU_PARKED,
  CPU_PARKS,
  CPU_PENDING,
  CPU_RUNNABLE,
  CPU_SOFTIRQS,
  CPU_STEPS,
  CPU_SWITCHES,
} from '../shared/per-cpu-layout.ts';
import { bindProgram, isDaemon, PARTS, taskName } from '../shared/program.ts';
import { attachMemory, planMachineMemory, wordName } from '../shared/struct-registry.ts';
import { Task } from '../shared/task.ts';
import type { Bootable, BootModule, RoundOrder } from './boot-module.ts';
import {
  ARRIVED,
  CLOCK,
  clockSeconds,
  GO,
  LIVE,
  makeShared,
  ORDER_LEN,
  PARKED,
  PART,
  QUIET,
  REPORT,
  REPORT_LEN,
  ROUND,
  readText,
  type Shared,
  STOP,
  STOP_MACHINE,
  STOP_NOT,
  STOP_ROUND,
  writeText,
} from './control.ts';
import { type CpuTask, stopAll } from './cpu.worker.ts';
import { anyAlarmArmed } from './due-alarm.ts';
import type { LogOptions } from './log.ts';
import { realPlaces } from './places.ts';

/** Words of memory; rounds that need more are refused. */
const MEMORY_WORDS = 1 << 20;
/** How often a round is looked at although nobody says that it is quiet, in ms. */
const LOOK_MS = 50;
/** A part that goes on for so long without being quiet is a hang, as a last resort. */
const PART_MS_MAX = 30_000;

export interface CpuCounts {
  readonly cpu: number;
  readonly steps: number;
  readonly interrupts: number;
  readonly softirqs: number;
  readonly switches: number;
  readonly parks: number;
}

export interface RoundResult {
  readonly finding: FindingReport | null;
  readonly outcome: string | null;
  /** What the program counted; empty after a finding. */
  readonly counts: Readonly<Record<string, number>>;
  readonly cpus: readonly CpuCounts[];
}

export interface RealMachineOptions {
  readonly cpus: number;
  /** URL of the module that knows what a round runs; see BootModule. */
  readonly bootModule: string;
  /** Cores of the host: CPUs beyond them should not spin. */
  readonly cores: number;
  readonly log: LogOptions;
}

/** Thrown when the harness itself broke: a worker died, a boot module failed. */
export class MachineFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MachineFailure';
  }
}

export class RealMachine {
  readonly cpus: number;
  readonly #shared: Shared;
  readonly #pool: Piscina;
  #boot: BootModule | null = null;
  #death: string | null = null;
  #stopping = false;
  #round = 0;
  /** Stops the round under way: Ctrl-C, a time limit. */
  #interrupted = false;

  private constructor(options: RealMachineOptions) {
    this.cpus = options.cpus;
    this.#shared = makeShared(MEMORY_WORDS);
    this.#shared.control[CLOCK] = clockSeconds();
    this.#pool = new Piscina({
      filename: new URL('./cpu.worker.js', import.meta.url).href,
      minThreads: options.cpus + 1,
      maxThreads: options.cpus + 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
    });
  }

  /** Starts the threads and waits until all are warm. */
  static async start(options: RealMachineOptions): Promise<RealMachine> {
    const machine = new RealMachine(options);
    machine.#boot = (await import(options.bootModule)) as BootModule;
    const spins = options.cpus + 1 <= options.cores ? 400 : 40;
    for (let cpu = 0; cpu <= options.cpus; cpu++) {
      const { bootModule, cpus, log } = options;
      const task: CpuTask = { shared: machine.#shared, cpu, cpus, spins, bootModule, log };
      machine.#pool.run(task).then(
        () => machine.#died(cpu, 'its thread ended'),
        (error: unknown) => machine.#died(cpu, error instanceof Error ? error.message : String(error)),
      );
    }
    await machine.#until(() => machine.#arrived());
    return machine;
  }

  #died(cpu: number, reason: string): void {
    if (this.#stopping) return;
    const who = cpu === this.cpus ? 'the interrupt actor' : `CPU ${cpu}`;
    this.#death ??= `${who} died: ${reason}`;
    const { control } = this.#shared;
    Atomics.add(control, QUIET, 1);
    Atomics.notify(control, QUIET);
  }

  /** Runs one round; throws MachineFailure when the harness broke. */
  async run(order: RoundOrder): Promise<RoundResult> {
    const { control, memory: words, order: text } = this.#shared;
    const bootable = (this.#boot as BootModule).prepare(order.boot);
    const plan = planMachineMemory({
      cpus: this.cpus,
      allocators: this.cpus + 1,
      slots: bootable.slots,
      staticWords: bootable.staticWords,
    });
    if (plan.size > words.length)
      throw new MachineFailure(`the scenario needs ${plan.size} words of memory, there are ${words.length}`);
    attachMemory(words, plan, this.cpus, true);
    const built = bootable.build();
    bindProgram(built);
    for (const word of [ARRIVED, PART, STOP, LIVE, PARKED, REPORT]) Atomics.store(control, word, 0);
    writeText(control, ORDER_LEN, text, JSON.stringify(order));
    this.#interrupted = false;
    this.#bump(ROUND);
    await this.#until(() => this.#arrived());
    Atomics.store(control, ARRIVED, 0);
    this.#bump(GO);
    const finding = await this.#runParts(built, bootable);
    if (Atomics.compareExchange(control, STOP, STOP_NOT, STOP_ROUND) === STOP_NOT) stopAll(this.cpus);
    await this.#until(() => this.#arrived());
    this.#round++;
    // A CPU may have made a finding after the last look.
    const reported = finding ?? this.#reported();
    const outcome = reported === null && !this.#interrupted ? (built.outcome?.() ?? '') : null;
    const counts = outcome === null ? {} : (built.counts?.() ?? {});
    return { finding: reported, outcome, counts, cpus: this.#counts() };
  }

  #bump(word: number): void {
    Atomics.store(this.#shared.control, word, this.#round + 1);
    Atomics.notify(this.#shared.control, word);
  }

  #arrived(): boolean {
    return Atomics.load(this.#shared.control, ARRIVED) === this.cpus + 1;
  }

  /** Ends the round under way as soon as possible. */
  interrupt(): void {
    this.#interrupted = true;
    const { control } = this.#shared;
    Atomics.add(control, QUIET, 1);
    Atomics.notify(control, QUIET);
  }

  async #runParts(program: Program, checks: Bootable): Promise<FindingReport | null> {
    const { control } = this.#shared;
    for (let part = 1; part <= PARTS.length; part++) {
      const name = PARTS[part - 1] as (typeof PARTS)[number];
      const tasks = name === 'actors' ? program.actors.length : program[name] === undefined ? 0 : 1;
      if (tasks === 0) continue;
      Atomics.store(control, LIVE, tasks);
      Atomics.store(control, PART, part);
      const base = perCpuBase(0);
      Atomics.add(memory.words, base + CPU_DOORBELL, 1);
      Atomics.notify(memory.words, base + CPU_DOORBELL);
      const deadline = performance.now() + PART_MS_MAX;
      let late = false;
      await this.#until(() => {
        late = performance.now() > deadline;
        return late || this.#interrupted || Atomics.load(control, STOP) !== STOP_NOT || this.#quiet();
      });
      const reported = this.#reported();
      if (reported !== null || this.#interrupted) return reported;
      const stuck = this.#atRest(late, checks);
      if (stuck !== null) return stuck;
    }
    return null;
  }

  /** The part is over, or stuck. */
  #atRest(late: boolean, checks: Bootable): FindingReport | null {
    if (late) return this.#finding('hang', '', `the round is not over after ${PART_MS_MAX / 1000} s`);
    const stuck = Atomics.load(this.#shared.control, LIVE) > 0;
    try {
      if (stuck) checks.whenStuck?.();
      else checks.atQuiescence?.();
    } catch (error) {
      if (!(error instanceof KernelFinding)) throw error;
      return this.#finding(error.kind, error.invariant, error.message);
    }
    return stuck ? this.#finding('deadlock', 'I48', `no CPU can move: ${this.#waiting()}`) : null;
  }

  #finding(kind: FindingReport['kind'], invariant: string, message: string): FindingReport {
    return { kind, invariant, message, site: '', places: realPlaces(this.cpus) };
  }

  #waiting(): string {
    const sleepers = Task.live().filter((task) => !isDaemon(task));
    return sleepers
      .map((task) => `${taskName(task)} waits for ${task.blockedOn === 0 ? 'a lock' : wordName(task.blockedOn)}`)
      .join('; ');
  }

  /** What a CPU has reported, with everybody's places. */
  #reported(): FindingReport | null {
    const { control, report } = this.#shared;
    if (Atomics.load(control, REPORT) === 0 || Atomics.load(control, STOP) === STOP_NOT) return null;
    const said = JSON.parse(readText(control, REPORT_LEN, report)) as Omit<FindingReport, 'places'>;
    return { ...said, places: realPlaces(this.cpus) };
  }

  /** Every CPU is parked and unrung, twice in a row with nothing changed between, and nothing is under way in the devices. */
  #quiet(): boolean {
    const first = this.#restingSum();
    return first !== null && !this.#deviceBusy() && this.#restingSum() === first;
  }

  /** A sum that changes whenever a CPU does anything; null when one is not at rest. */
  #restingSum(): number | null {
    const w = memory.words;
    const part = Atomics.load(this.#shared.control, PART);
    let sum = part;
    for (let cpu = 0; cpu <= this.cpus; cpu++) {
      const base = perCpuBase(cpu);
      const doorbell = Atomics.load(w, base + CPU_DOORBELL);
      const resting =
        Atomics.load(w, base + CPU_PARKED) === 1 &&
        Atomics.load(w, base + CPU_PARK_SEQ) === doorbell &&
        Atomics.load(w, base + CPU_RUNNABLE) === 0 &&
        Atomics.load(w, base + CPU_PENDING) === 0;
      if (!resting) return null;
      sum = (sum + doorbell + (w[base + CPU_STEPS] as number) + (w[base + CPU_PARKS] as number)) | 0;
    }
    return sum;
  }

  #deviceBusy(): boolean {
    return anyAlarmArmed();
  }

  #counts(): CpuCounts[] {
    const w = memory.words;
    const counts: CpuCounts[] = [];
    for (let cpu = 0; cpu <= this.cpus; cpu++) {
      const base = perCpuBase(cpu);
      const at = (offset: number): number => (w[base + offset] as number) >>> 0;
      counts.push({
        cpu,
        steps: at(CPU_STEPS),
        interrupts: at(CPU_INTERRUPTS),
        softirqs: at(CPU_SOFTIRQS),
        switches: at(CPU_SWITCHES),
        parks: at(CPU_PARKS),
      });
    }
    return counts;
  }

  /** Sleeps until `condition`, looking whenever the machine says that something happened, and now and then. */
  async #until(condition: () => boolean): Promise<void> {
    const { control } = this.#shared;
    // waitAsync does not keep the process alive.
    const alive = setInterval(() => {}, 1000);
    try {
      for (;;) {
        const seen = Atomics.load(control, QUIET);
        if (condition()) return;
        if (this.#death !== null) throw new MachineFailure(this.#death);
        const wait = Atomics.waitAsync(control, QUIET, seen, LOOK_MS);
        if (wait.async) await wait.value;
      }
    } finally {
      clearInterval(alive);
    }
  }

  /** Ends all threads. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const { control } = this.#shared;
    Atomics.store(control, STOP, STOP_MACHINE);
    this.#bump(ROUND);
    await this.#pool.destroy();
  }
}
