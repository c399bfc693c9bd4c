/**
 * A profile run: rounds of one program on the real machine until the time is over, with the profiler on and oracles off.
 */
import { availableParallelism } from 'node:os';
import { RealMachine, type RoundResult } from '../../actors/machine.ts';
import { SUSPEND_PHASES } from '../../core/mapped-device.ts';
import { irqName, LINE_DEVICE, LINE_TIMER } from '../../irq/interrupt.ts';
import type { FindingReport } from '../../machine/machine.ts';
import { collect } from '../../profile/collect.ts';
import { makeProfileBuffers, type ProfileBuffers } from '../../profile/layout.ts';
import type { LockName } from '../../profile/lock-names.ts';
import type { Injection, ProfileReport } from '../../profile/report.ts';
import { lockNames, type ProfiledRound } from '../../profile/session.ts';
import { makeTimeline } from '../../profile/timeline.ts';
import { deriveSeed } from '../../shared/random.ts';
import type { BootOrder } from '../boot.ts';
import { UsageError } from '../usage.ts';
import { type ProfileRunSettings, parseInjection, roundName } from './settings.ts';
import { Compared, ratioOf, Work } from './work.ts';

const BOOT_MODULE = new URL('../boot.js', import.meta.url).href;

/** One round in so many is run a second time without the profiler; the first ones, whose code is not compiled yet, are not. */
const COMPARED_ONE_IN = 4;

/** Softirqs by number. */
const SOFTIRQ_NAMES = ['timer', 'block'];

export interface ProfileOutcome {
  readonly report: ProfileReport;
  readonly finding: FindingReport | null;
  readonly interrupted: boolean;
}

const classesOf = (names: readonly LockName[]): string[] => [...new Set(names.map((name) => name.class))];

/** As --inject takes them. */
const shortNames = (classes: readonly string[]): string =>
  classes
    .map((name) => name.replace(/^&/, ''))
    .sort()
    .join(', ');

export interface ProfileHooks {
  /** What was asked for can be done: with --inject that is known after the first round. */
  accepted(): void;
  say(text: string): void;
  /** True: stop as soon as possible. */
  stopped(): boolean;
}

export class ProfileRunner {
  readonly #settings: ProfileRunSettings;
  readonly #hooks: ProfileHooks;
  readonly #buffers: ProfileBuffers;
  readonly #injection: ReturnType<typeof parseInjection>;
  /** Rounds as they are, and with the delay. */
  readonly #work = { heard: new Work(), delayed: new Work() };
  readonly #compared = new Compared();
  #machine: RealMachine | null = null;
  #finding: FindingReport | null = null;

  constructor(settings: ProfileRunSettings, hooks: ProfileHooks) {
    this.#settings = settings;
    this.#hooks = hooks;
    this.#injection = settings.inject === null ? null : parseInjection(settings.inject);
    const { by, exact, trace, html, cpus } = settings;
    this.#buffers = makeProfileBuffers(cpus, {
      by,
      exact,
      trace: trace !== null || html !== null,
      inject: this.#injection,
    });
  }

  /** Ends the round under way at once; `run` then gives what is known. */
  interrupt(): void {
    this.#machine?.interrupt();
  }

  async run(): Promise<ProfileOutcome> {
    const { cpus, logLevel, out } = this.#settings;
    const machine = await RealMachine.start({
      cpus,
      bootModule: BOOT_MODULE,
      cores: availableParallelism(),
      log: { level: logLevel, folder: out },
      attachment: this.#buffers,
    });
    this.#machine = machine;
    try {
      await this.#runRounds(machine);
    } finally {
      this.#machine = null;
      await machine.stop();
    }
    return { report: this.#report(), finding: this.#finding, interrupted: this.#hooks.stopped() };
  }

  async #runRounds(machine: RealMachine): Promise<void> {
    const { name, seconds } = this.#settings;
    if (this.#injection === null) this.#hooks.accepted();
    const start = performance.now();
    for (let round = 0; ; round++) {
      const elapsed = (performance.now() - start) / 1000;
      if (this.#isOver() || (elapsed >= seconds && round > 0)) return;
      this.#hooks.say(`${name}, ${Math.floor(elapsed)} of ${seconds} s, round ${round}`);
      await this.#runHeard(machine, round);
      if (this.#injection === null || this.#isOver()) continue;
      if (round === 0) this.#acceptInjection(this.#injection.lock);
      const delayed = await this.#runRound(machine, round, 'delayed');
      if (delayed !== null) this.#work.delayed.add(delayed);
    }
  }

  /** There is a finding, or Ctrl-C: no round after that. */
  #isOver(): boolean {
    return this.#finding !== null || this.#hooks.stopped();
  }

  /** A round as it is; some of them a second time without the profiler, before or after. */
  async #runHeard(machine: RealMachine, round: number): Promise<void> {
    const isCompared = round % COMPARED_ONE_IN === COMPARED_ONE_IN - 1;
    const isFirst = round % (2 * COMPARED_ONE_IN) < COMPARED_ONE_IN;
    const before = isCompared && isFirst ? await this.#runRound(machine, round, 'unheard') : null;
    const heard = await this.#runRound(machine, round, 'heard');
    const unheard = isCompared && !isFirst ? await this.#runRound(machine, round, 'unheard') : before;
    if (heard === null) return;
    this.#work.heard.add(heard);
    if (unheard !== null) this.#compared.add(heard, unheard);
  }

  /** null: it has not come to its end, which says nothing of the throughput. */
  async #runRound(machine: RealMachine, round: number, profiled: ProfiledRound): Promise<RoundResult | null> {
    if (this.#isOver()) return null;
    const { cpus, preset, bug, lock } = this.#settings;
    const seed = deriveSeed(this.#settings.seed, round);
    const scenario = roundName(this.#settings, round);
    const boot: BootOrder = {
      scenario,
      cpus,
      variant: { preset, bug },
      lock,
      oracles: false,
      profiled,
    };
    const result = await machine.run({ boot, cpus, noise: 'none', seed, delay: null });
    this.#finding ??= result.finding;
    return result.finding === null && !result.interrupted ? result : null;
  }

  #acceptInjection(lock: string): void {
    const { name } = this.#settings;
    const delayed = this.#delayedClasses();
    if (delayed.length === 0)
      throw new UsageError(
        `--inject: ${name} has no lock '${lock}'; it has ${shortNames(classesOf(lockNames().slice(1)))}.`,
      );
    if (delayed.length > 1)
      throw new UsageError(`--inject: ${name} has several locks '${lock}'; name one of ${shortNames(delayed)}.`);
    this.#hooks.accepted();
  }

  /** By instance a class has a number for each of its locks. */
  #delayedClasses(): string[] {
    return classesOf(lockNames().filter((_, number) => this.#buffers.injected[number] === 1));
  }

  #report(): ProfileReport {
    const buffers = this.#buffers;
    const names = lockNames();
    const { delayed, ...collected } = collect(buffers, names, this.#injection === null ? 0 : 1);
    const lines = [LINE_DEVICE, LINE_TIMER].map(irqName);
    const words = { locks: names, phases: SUSPEND_PHASES, lines, softirqs: SOFTIRQ_NAMES };
    return {
      ...collected,
      throughput: this.#work[this.#injection === null ? 'heard' : 'delayed'].throughput(),
      injection: this.#injected(delayed),
      cost: this.#compared.cost(),
      timeline: buffers.settings.trace ? makeTimeline(buffers, words) : null,
    };
  }

  #injected(delayed: number): Injection | null {
    if (this.#injection === null) return null;
    const before = this.#work.heard.throughput();
    const after = this.#work.delayed.throughput();
    return {
      lock: this.#delayedClasses()[0] ?? this.#injection.lock,
      delayNs: this.#injection.ns,
      delayed,
      without: before,
      with: after,
      ratio: delayed === 0 ? null : ratioOf(this.#work.delayed, this.#work.heard),
    };
  }
}
