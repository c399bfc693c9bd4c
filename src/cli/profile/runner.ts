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
import type { Injection, ProfileReport, Throughput } from '../../profile/report.ts';
import { lockNames } from '../../profile/session.ts';
import { makeTimeline } from '../../profile/timeline.ts';
import { addTo } from '../../shared/counts.ts';
import { deriveSeed } from '../../shared/random.ts';
import type { BootOrder } from '../boot.ts';
import { UsageError } from '../usage.ts';
import { type ProfileRunSettings, parseInjection, roundName } from './settings.ts';

const BOOT_MODULE = new URL('../boot.js', import.meta.url).href;

/** Softirqs by number. */
const SOFTIRQ_NAMES = ['timer', 'block'];

export interface ProfileOutcome {
  readonly report: ProfileReport;
  readonly finding: FindingReport | null;
  readonly interrupted: boolean;
}

/** What rounds of one kind got done. */
class Work {
  #rounds = 0;
  #ms = 0;
  readonly #counts = new Map<string, number>();

  add({ ms, counts }: RoundResult): void {
    this.#rounds++;
    this.#ms += ms;
    for (const [name, count] of Object.entries(counts)) addTo(this.#counts, name, count);
  }

  throughput(): Throughput {
    const seconds = this.#ms / 1000;
    const rate = (count: number): number => (seconds === 0 ? 0 : Math.round((10 * count) / seconds) / 10);
    return {
      rounds: this.#rounds,
      seconds: Number(seconds.toFixed(3)),
      roundsPerSecond: rate(this.#rounds),
      perSecond: Object.fromEntries([...this.#counts].map(([name, count]) => [name, rate(count)])),
    };
  }
}

const classesOf = (names: readonly LockName[]): string[] => [...new Set(names.map((name) => name.class))];

/** As --inject takes them. */
const shortNames = (classes: readonly string[]): string =>
  classes
    .map((name) => name.replace(/^&/, ''))
    .sort()
    .join(', ');

export interface ProfileHooks {
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
  readonly #work = [new Work(), new Work()] as const;
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
    const start = performance.now();
    for (let round = 0; ; round++) {
      const elapsed = (performance.now() - start) / 1000;
      if (this.#hooks.stopped() || this.#finding !== null || (elapsed >= seconds && round > 0)) return;
      this.#hooks.say(`${name}, ${Math.floor(elapsed)} of ${seconds} s, round ${round}`);
      await this.#runRound(machine, round, false);
      if (this.#injection === null) continue;
      this.#checkInjected();
      await this.#runRound(machine, round, true);
    }
  }

  async #runRound(machine: RealMachine, round: number, delayed: boolean): Promise<void> {
    const { cpus, preset, bug, lock } = this.#settings;
    const seed = deriveSeed(this.#settings.seed, round);
    const scenario = roundName(this.#settings, round);
    const boot: BootOrder = {
      scenario,
      cpus,
      variant: { preset, bug },
      lock,
      oracles: false,
      delayed,
    };
    const result = await machine.run({ boot, cpus, noise: 'none', seed, delay: null });
    this.#finding ??= result.finding;
    if (result.finding === null && !result.interrupted) this.#work[delayed ? 1 : 0].add(result);
  }

  /** Which locks a program has is known when it is built. */
  #checkInjected(): void {
    if (this.#injection === null) return;
    const { name } = this.#settings;
    const { lock } = this.#injection;
    const delayed = this.#delayedClasses();
    if (delayed.length === 0)
      throw new UsageError(
        `--inject: ${name} has no lock '${lock}'; it has ${shortNames(classesOf(lockNames().slice(1)))}.`,
      );
    if (delayed.length > 1)
      throw new UsageError(`--inject: ${name} has several locks '${lock}'; name one of ${shortNames(delayed)}.`);
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
      throughput: this.#work[this.#injection === null ? 0 : 1].throughput(),
      injection: this.#injected(delayed),
      timeline: buffers.settings.trace ? makeTimeline(buffers, words) : null,
    };
  }

  #injected(delayed: number): Injection | null {
    if (this.#injection === null) return null;
    const before = this.#work[0].throughput();
    const after = this.#work[1].throughput();
    const ratio = before.roundsPerSecond === 0 ? 0 : after.roundsPerSecond / before.roundsPerSecond;
    return {
      lock: this.#delayedClasses()[0] ?? this.#injection.lock,
      delayNs: this.#injection.ns,
      delayed,
      without: before,
      with: after,
      ratio: Number(ratio.toFixed(3)),
    };
  }
}
