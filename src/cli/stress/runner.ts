/**
 * A stress run: canaries first, then rounds of the suites in turn until the time or the rounds are over.
 */
import { availableParallelism } from 'node:os';
import { RealMachine } from '../../actors/machine.ts';
import type { FindingReport } from '../../machine/machine.ts';
import { collect } from '../../profile/collect.ts';
import { makeProfileBuffers, type ProfileBuffers } from '../../profile/layout.ts';
import type { LockStat } from '../../profile/report.ts';
import { lockNames } from '../../profile/session.ts';
import type { Canary } from '../../variants/canary.ts';
import { JoinedLocks } from '../joined-locks.ts';
import { type CanaryResult, runCanary, runLockCanary } from './canaries.ts';
import { findingFile, writeFinding } from './files.ts';
import { exploreCommand, ordinaryRound, roundOf, roundOrder, type StressSettings } from './order.ts';
import { CpuTally, SuiteTally } from './tally.ts';

const BOOT_MODULE = new URL('../boot.js', import.meta.url).href;

/** CPUs that the scenarios of the canaries have. */
const CANARY_CPUS = 3;

/** That a canary is caught is no error: only who asks for all that goes on gets lines of it. */
const canaryLogLevel = (level: string): string => (['info', 'debug', 'trace'].includes(level) ? level : 'silent');

/** How a run ended. */
export interface StressOutcome {
  readonly canaries: readonly CanaryResult[];
  readonly suites: readonly SuiteTally[];
  readonly cpus: CpuTally;
  /** What the profiler saw of the suites' locks, the one first for which most time was lost. */
  readonly locks: readonly LockStat[];
  /** What makes the run fail beside findings: a missed canary, an idle CPU. */
  readonly faults: readonly string[];
  readonly interrupted: boolean;
}

export interface StressHooks {
  /** What is going on, for a progress line. */
  say(text: string): void;
  /** True: stop as soon as possible. */
  stopped(): boolean;
  /** Something rare that a log should have. */
  log(level: 'info' | 'error', message: string, details: object): void;
}

export class StressRunner {
  readonly #settings: StressSettings;
  readonly #canaries: readonly Canary[];
  readonly #hooks: StressHooks;
  readonly #canaryResults: CanaryResult[] = [];
  readonly #suites: SuiteTally[];
  readonly #cpus = new CpuTally();
  readonly #faults: string[] = [];
  readonly #locks = new JoinedLocks();
  #machine: RealMachine | null = null;
  /** From the suites on. */
  #profile: ProfileBuffers | null = null;

  constructor(settings: StressSettings, canaries: readonly Canary[], hooks: StressHooks) {
    this.#settings = settings;
    this.#canaries = canaries;
    this.#hooks = hooks;
    this.#suites = settings.suites.map((name) => new SuiteTally(name));
  }

  /** Ends the round under way at once; `run` then returns what is known. */
  interrupt(): void {
    this.#machine?.interrupt();
  }

  /** What is known so far. */
  outcome(): StressOutcome {
    return {
      canaries: this.#canaryResults,
      suites: this.#suites,
      cpus: this.#cpus,
      locks: this.#profile === null ? [] : collect(this.#profile, lockNames(), 0).locks,
      faults: this.#faults,
      interrupted: this.#hooks.stopped(),
    };
  }

  /** Runs to the end; throws MachineFailure when the harness breaks, which is a fault of the run as well. */
  async run(): Promise<StressOutcome> {
    try {
      return await this.#runAll();
    } catch (error) {
      this.#faults.push(`the harness broke: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  }

  async #runAll(): Promise<StressOutcome> {
    const { cpus, logLevel } = this.#settings;
    const canaryCpus = Math.max(cpus, CANARY_CPUS);
    // Canaries need CPUs that the suites may not have been given.
    const clean =
      this.#canaries.length === 0 ||
      (await this.#on(canaryCpus, canaryLogLevel(this.#settings.logLevel), (machine) =>
        this.#runCanaries(machine, canaryCpus),
      ));
    if (clean && !this.#hooks.stopped()) {
      this.#profile = makeProfileBuffers(cpus, { by: 'class', exact: false, trace: false, inject: null });
      await this.#on(cpus, logLevel, (machine) => this.#runSuites(machine));
    }
    return this.outcome();
  }

  /** Does something on a machine of so many CPUs. */
  async #on<T>(cpus: number, logLevel: string, work: (machine: RealMachine) => Promise<T>): Promise<T> {
    const { out } = this.#settings;
    const machine = await RealMachine.start({
      cpus,
      bootModule: BOOT_MODULE,
      cores: availableParallelism(),
      log: { level: logLevel, folder: out },
      attachment: this.#profile,
    });
    this.#machine = machine;
    try {
      return await work(machine);
    } finally {
      this.#machine = null;
      await machine.stop();
    }
  }

  /** False when one was missed. */
  async #runCanaries(machine: RealMachine, cpus: number): Promise<boolean> {
    for (const canary of this.#canaries) {
      if (this.#hooks.stopped()) return false;
      this.#hooks.say(`canary ${canary.id}`);
      const result = await runCanary(machine, { ...this.#settings, cpus }, canary, this.#hooks.stopped);
      this.#canaryResults.push(result);
      this.#hooks.log('info', 'canary', result);
      if (result.caught || this.#hooks.stopped()) continue;
      this.#faults.push(
        `the canary ${canary.id} was not caught in ${result.tries} rounds: a bug like it (${canary.title}) would have been missed`,
      );
    }
    if (this.#settings.lockdep === true && this.#faults.length === 0) await this.#runLockCanary(machine, cpus);
    return this.#faults.length === 0;
  }

  async #runLockCanary(machine: RealMachine, cpus: number): Promise<void> {
    const result = await runLockCanary(machine, { ...this.#settings, cpus });
    this.#canaryResults.push(result);
    if (!result.caught) this.#faults.push(`the canary ${result.id} was not caught: the lock validator is blind`);
  }

  async #runSuites(machine: RealMachine): Promise<void> {
    const { seconds, rounds, bug } = this.#settings;
    const start = performance.now();
    for (let round = 0; rounds === null || round < rounds; round++) {
      for (const suite of this.#suites) {
        const elapsed = (performance.now() - start) / 1000;
        if (this.#hooks.stopped() || (seconds !== null && elapsed >= seconds)) return this.#checkCpus();
        this.#hooks.say(this.#progress(suite, round, elapsed));
        await this.#runRound(machine, suite, round);
        if (bug !== null && suite.findings.length > 0) return;
      }
    }
    this.#checkCpus();
  }

  #progress(suite: SuiteTally, round: number, elapsed: number): string {
    const { seconds, rounds } = this.#settings;
    const findings = this.#suites.reduce((sum, each) => sum + each.findings.length, 0);
    const of = seconds === null ? `round ${round} of ${rounds}` : `${Math.floor(elapsed)} of ${seconds} s`;
    return `${suite.name}, ${of}, ${findings} finding${findings === 1 ? '' : 's'}`;
  }

  async #runRound(machine: RealMachine, suite: SuiteTally, round: number): Promise<void> {
    const settings = this.#settings;
    const scenario = roundOf(settings, suite.name, round);
    const result = await machine.run(roundOrder(settings, scenario, round, ordinaryRound(settings)));
    if (result.interrupted) return;
    this.#cpus.add(result.cpus);
    suite.add(result.counts);
    if (result.finding !== null) this.#found(suite, round, scenario, result.finding, '');
    // What a conflict of locks is made of may have been seen in earlier rounds.
    for (const [i, finding] of this.#locks.add(result.notes).entries())
      this.#found(suite, round, scenario, finding, `.lockdep${i}`);
  }

  /** `what` tells several findings of a round apart. */
  #found(suite: SuiteTally, round: number, scenario: string, finding: FindingReport, what: string): void {
    const settings = this.#settings;
    const explore = exploreCommand(settings, scenario, finding.kind);
    const file = findingFile(settings, scenario, what);
    suite.findings.push({ ...finding, round, seed: settings.seed, scenario, explore, file });
    const { kind, invariant, message } = finding;
    this.#hooks.log('error', message, { kind, invariant, scenario });
    writeFinding(settings, scenario, finding, explore, file);
  }

  /** A run in which a CPU did nothing was not the run that it claims to be. Few rounds may leave one out. */
  #checkCpus(): void {
    if (this.#hooks.stopped()) return;
    const idle = this.#cpus.idle();
    if (idle.length > 0)
      this.#faults.push(`CPU ${idle.join(', ')} did nothing in the whole run: it wants more rounds, or fewer CPUs`);
  }
}
