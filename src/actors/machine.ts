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
  CPU_CONTENDED,
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
import { CpuThread, type MachineActor } from './actor.ts';
import { Administrator, MachineFailure } from './administrator.ts';
import type { Bootable, BootModule, RoundOrder } from './boot-module.ts';
import {
  CLOCK,
  clockSeconds,
  LIVE,
  makeShared,
  NOTE_LEN,
  PART,
  REPORT,
  REPORT_LEN,
  readText,
  type Shared,
  STOP,
  STOP_NOT,
} from './control.ts';
import type { CpuTask } from './cpu.worker.ts';
import { anyAlarmArmed } from './due-alarm.ts';
import type { LogOptions } from './log.ts';
import { realPlaces } from './places.ts';

/** Words of memory; rounds that need more are refused. */
const MEMORY_WORDS = 1 << 20;
/** Heap of a thread; views and generators need a few megabytes. */
const HEAP_MB_MAX = 512;
/** How long threads may take to build a round's program, and to leave a round that is over, in ms. */
const BUILD_MS_MAX = 30_000;
const STOP_MS_MAX = 5000;
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
  /** The round was ended before it was over: it says nothing. */
  readonly interrupted: boolean;
  readonly outcome: string | null;
  /** What the program counted; empty after a finding. */
  readonly counts: Readonly<Record<string, number>>;
  readonly cpus: readonly CpuCounts[];
  /** Spinlocks and rwlocks that CPUs had to wait for. */
  readonly contentions: number;
  /** How long its parts took, in ms. */
  readonly ms: number;
  /** What the threads had to say at its end (Bootable.note). */
  readonly notes: readonly string[];
}

export interface RealMachineOptions {
  readonly cpus: number;
  /** URL of the module that knows what a round runs; see BootModule. */
  readonly bootModule: string;
  /** Cores of the host: CPUs beyond them should not spin. */
  readonly cores: number;
  readonly log: LogOptions;
  /** What all threads share beside the machine's memory; see BootModule.attach. Default null. */
  readonly attachment?: unknown;
}

export { MachineFailure };

export class RealMachine {
  readonly cpus: number;
  readonly #shared: Shared;
  readonly #pool: Piscina;
  readonly #administrator: Administrator;
  readonly #actors: MachineActor[];
  readonly #boot: BootModule;

  private constructor(options: RealMachineOptions, boot: BootModule) {
    const { cpus, bootModule, cores, log, attachment = null } = options;
    this.cpus = cpus;
    this.#boot = boot;
    boot.attach?.(attachment, null);
    this.#shared = makeShared(MEMORY_WORDS);
    this.#shared.control[CLOCK] = clockSeconds();
    this.#pool = new Piscina({
      filename: new URL('./cpu.worker.js', import.meta.url).href,
      minThreads: cpus + 1,
      maxThreads: cpus + 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
    this.#administrator = new Administrator(this.#shared, cpus);
    this.#actors = [this.#administrator];
    const spins = cpus + 1 <= cores ? 400 : 40;
    for (let cpu = 0; cpu <= cpus; cpu++) {
      const task: CpuTask = { shared: this.#shared, cpu, cpus, spins, bootModule, log, attachment };
      this.#actors.push(new CpuThread(this.#pool, task, this.#administrator));
    }
  }

  /** Starts the threads and waits until all are warm. */
  static async start(options: RealMachineOptions): Promise<RealMachine> {
    const machine = new RealMachine(options, (await import(options.bootModule)) as BootModule);
    try {
      for (const actor of machine.#actors) actor.start();
      await machine.#everybody(BUILD_MS_MAX);
      return machine;
    } catch (error) {
      await machine.stop();
      throw error;
    }
  }

  /** Ends the round under way as soon as possible. */
  interrupt(): void {
    this.#administrator.interrupt();
  }

  async #everybody(msMax: number): Promise<void> {
    if (!(await this.#administrator.allArrive(msMax))) throw new MachineFailure(this.#administrator.failure as string);
  }

  /** Runs one round; throws MachineFailure when the harness broke. */
  async run(order: RoundOrder): Promise<RoundResult> {
    const administrator = this.#administrator;
    const bootable = this.#boot.prepare(order.boot);
    const plan = planMachineMemory({
      cpus: this.cpus,
      allocators: this.cpus + 1,
      slots: bootable.slots,
      staticWords: bootable.staticWords,
    });
    const { memory: words } = this.#shared;
    if (plan.size > words.length)
      throw new MachineFailure(`the scenario needs ${plan.size} words of memory, there are ${words.length}`);
    attachMemory(words, plan, this.cpus, true);
    const built = bootable.build();
    bindProgram(built);
    administrator.order(JSON.stringify(order));
    await this.#everybody(BUILD_MS_MAX);
    const start = performance.now();
    administrator.go();
    const finding = await this.#runParts(built, bootable);
    const ms = performance.now() - start;
    administrator.endRound();
    const allLeft = await administrator.allArrive(STOP_MS_MAX);
    // A CPU may have made a finding after the last look.
    const reported = finding ?? this.#reported();
    // What a thread does that never comes to an operation again is a finding if it is seen in time, else a fault of the harness.
    if (!allLeft && reported === null) throw new MachineFailure(administrator.failure as string);
    const interrupted = reported === null && administrator.interrupted;
    const outcome = reported === null && !interrupted ? (built.outcome?.() ?? '') : null;
    const counts = outcome === null ? {} : (built.counts?.() ?? {});
    return {
      finding: reported,
      interrupted,
      outcome,
      counts,
      cpus: this.#counts(),
      contentions: this.#contentions(),
      ms,
      notes: allLeft ? this.#notes() : [],
    };
  }

  /** What the threads of the CPUs have to say about the round, in the order of their numbers. */
  #notes(): string[] {
    const { control, notes } = this.#shared;
    return notes.map((note, cpu) => readText(control, NOTE_LEN + cpu, note)).filter((text) => text !== '');
  }

  async #runParts(program: Program, checks: Bootable): Promise<FindingReport | null> {
    const { control } = this.#shared;
    const administrator = this.#administrator;
    for (let part = 1; part <= PARTS.length; part++) {
      const name = PARTS[part - 1] as (typeof PARTS)[number];
      const tasks = name === 'actors' ? program.actors.length : program[name] === undefined ? 0 : 1;
      if (tasks === 0) continue;
      administrator.startPart(part, tasks);
      const deadline = performance.now() + PART_MS_MAX;
      let late = false;
      await administrator.until(() => {
        late = performance.now() > deadline;
        return late || administrator.interrupted || Atomics.load(control, STOP) !== STOP_NOT || this.#quiet();
      });
      const reported = this.#reported();
      if (reported !== null || administrator.interrupted) return reported;
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
    return first !== null && !anyAlarmArmed() && this.#restingSum() === first;
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

  #contentions(): number {
    let sum = 0;
    for (let cpu = 0; cpu <= this.cpus; cpu++) sum += memory.words[perCpuBase(cpu) + CPU_CONTENDED] as number;
    return sum;
  }

  /** Ends all threads. */
  async stop(): Promise<void> {
    for (const actor of this.#actors) actor.stop();
    await this.#pool.destroy();
  }
}
