/**
 * Many executions of one program on the model machine.
 *
 * The memory is formatted once; each run begins with a copy of it.
 */
import { muteListeners } from '../machine/events.ts';
import type { FindingReport, Program, RunOutcome, Settings } from '../machine/machine.ts';
import { addTo } from '../shared/counts.ts';
import type { LockFact } from '../shared/lockdep/lock-facts.ts';
import type { LockReport } from '../shared/lockdep/lock-report.ts';
import type { Lockdep } from '../shared/lockdep/lockdep.ts';
import { type MemoryPlan, memory } from '../shared/memory.ts';
import { watchPlain } from '../shared/plain-access.ts';
import { bindProgram } from '../shared/program.ts';
import { bindSpinLocks, tasSpinLock, ticketSpinLock } from '../shared/spinlock.ts';
import { attachMemory, planMachineMemory } from '../shared/struct-registry.ts';
import { Execution, type ExecutionBudget, type ExecutionChecks, type StepObserver } from './execution.ts';
import { RaceDetector, type WantedAccess } from './race.ts';
import { Both, type RunListener } from './run-listener.ts';
import { Replay } from './strategies/replay.ts';
import type { Strategy } from './strategy.ts';
import { mayBeLostWakeUp, WakeUps, withLostWakeUp } from './wake-ups.ts';

export interface ExploreOptions extends ExecutionChecks, ExecutionBudget {
  readonly settings: Settings;
  readonly slots: Readonly<Record<string, number>>;
  readonly staticWords: number;
  /** Steps after which a run counts as a livelock. */
  readonly stepLimit: number;
  /** Accesses of plain words that nothing orders are findings. */
  readonly races?: boolean | undefined;
  /** The lock validator, which `build` has made a listener; missing: none. */
  readonly lockdep?: Lockdep | null | undefined;
}

export interface ExploreResult {
  /** The first finding, with the number of the run that made it. */
  readonly finding: (FindingReport & { readonly run: number; readonly traceHash: number }) | null;
  readonly executions: number;
  readonly steps: number;
  /** Folds the trace hashes of all runs. */
  readonly traceHash: number;
  /** How often each outcome was seen. */
  readonly outcomes: ReadonlyMap<string, number>;
}

/** What those runs chose, beside number `own`, that a report is based on. */
export function earlierRuns(
  { runs }: LockReport,
  own: number,
  teachers: ReadonlyMap<number, Int32Array>,
): readonly Int32Array[] {
  return runs
    .filter((run) => run !== own)
    .map((run) => teachers.get(run))
    .filter((choices) => choices !== undefined);
}

/** A model machine for one program: memory, boot image, execution. */
export class ModelMachine {
  readonly execution: Execution;
  readonly #image: Int32Array;
  #strategy: Strategy;
  readonly #races: RaceDetector | null;
  #listener: RunListener | null = null;
  /** The lock validator, or null. */
  readonly lockdep: Lockdep | null;
  /** What the runs chose that have taught it something, by number. */
  readonly #teachers = new Map<number, Int32Array>();

  /** `build` declares the static words and gives the program; it is called once. */
  constructor(build: () => Program, strategy: Strategy, options: ExploreOptions) {
    const plan: MemoryPlan = planMachineMemory({
      cpus: options.settings.cpus,
      allocators: 1,
      slots: options.slots,
      staticWords: options.staticWords,
    });
    attachMemory(new Int32Array(new SharedArrayBuffer(plan.size * 4)), plan, 0, true);
    bindSpinLocks(options.settings.lock === 'ticket' ? ticketSpinLock : tasSpinLock);
    bindProgram(build());
    this.lockdep = options.lockdep ?? null;
    this.lockdep?.attach();
    this.forgetLocks();
    this.#strategy = strategy;
    this.#image = memory.words.slice();
    this.execution = new Execution(options.settings.cpus, strategy, options.stepLimit, options, options);
    this.#races = options.races === true ? new RaceDetector() : null;
    this.listen(null);
    watchPlain(this.#races);
    muteListeners(this.#races);
  }

  /** Who hears the runs, beside the race detector. */
  listen(listener: RunListener | null): void {
    this.#listener = listener;
    const races = this.#races;
    this.execution.listener = races === null || listener === null ? (races ?? listener) : new Both(races, listener);
  }

  /** The next runs follow another strategy. */
  follow(strategy: Strategy): void {
    this.#strategy = strategy;
    this.execution.follow(strategy);
  }

  /** What the lock validator has learned so far is forgotten; what stays is these facts of other runs. */
  forgetLocks(facts: readonly LockFact[] = []): void {
    this.lockdep?.forget();
    this.lockdep?.learn(facts);
    this.#teachers.clear();
  }

  /** Run number `run`. */
  run(run: number): RunOutcome {
    const outcome = this.#runWith(this.#strategy, run);
    const wanted = this.#races?.firstAccess();
    if (wanted != null) return this.#withPlaceOf(wanted);
    const taught = this.lockdep === null ? outcome : this.#taught(this.lockdep, outcome);
    return taught.finding !== null && mayBeLostWakeUp(taught.finding) ? this.#withWakeUps(taught) : taught;
  }

  /** Remembers a run that has taught the lock validator something; a finding that it makes names the runs that it is based on. */
  #taught({ fresh, report, run: own }: Lockdep, outcome: RunOutcome): RunOutcome {
    if (fresh.length > 0) this.#teachers.set(own, this.execution.choices.pairs());
    return report === null ? outcome : { ...outcome, earlier: earlierRuns(report, own, this.#teachers) };
  }

  #runWith(strategy: Strategy, run: number): RunOutcome {
    memory.words.set(this.#image);
    this.lockdep?.begin(run);
    strategy.begin(run);
    this.execution.follow(strategy);
    return this.execution.run();
  }

  /** To see where the first of two accesses happened: stacks are too slow to be always captured. */
  #withPlaceOf(wanted: WantedAccess): RunOutcome {
    const races = this.#races as RaceDetector;
    races.wanted = wanted;
    const outcome = this.#again(null);
    races.wanted = null;
    return outcome;
  }

  /** To see how the wake-up of a sleeper was lost. */
  #withWakeUps(outcome: RunOutcome): RunOutcome {
    const wakeUps = new WakeUps();
    this.#again(wakeUps);
    return { ...outcome, finding: withLostWakeUp(outcome.finding as FindingReport, wakeUps, this.execution.cpus) };
  }

  /** The same run once more. */
  #again(listener: RunListener | null): RunOutcome {
    const choices = this.execution.choices.pairs();
    const known = this.#listener;
    const { observer } = this.execution;
    this.listen(listener);
    this.observe(null);
    const outcome = this.#runWith(new Replay(choices), this.lockdep?.run ?? 0);
    this.execution.runs--;
    this.listen(known);
    this.observe(observer);
    return outcome;
  }

  observe(observer: StepObserver | null): void {
    this.execution.observer = observer;
  }
}

/** Executions of one program, counted; ends at the first finding. */
export class Search {
  readonly #machine: ModelMachine;
  readonly #outcomes = new Map<string, number>();
  #finding: ExploreResult['finding'] = null;
  #executions = 0;
  #steps = 0;
  #traceHash = 0;

  constructor(build: () => Program, strategy: Strategy, options: ExploreOptions) {
    this.#machine = new ModelMachine(build, strategy, options);
  }

  get executions(): number {
    return this.#executions;
  }

  /** Runs up to `count` more executions; false once there is a finding. */
  run(count: number): boolean {
    for (let i = 0; i < count && this.#finding === null; i++) this.#runOne();
    return this.#finding === null;
  }

  #runOne(): void {
    const run = this.#executions++;
    const result = this.#machine.run(run);
    if (this.#machine.execution.gaveUp) return;
    const { hash } = this.#machine.execution;
    this.#steps += result.steps;
    this.#traceHash = Math.imul(this.#traceHash ^ hash, 0x01000193);
    if (result.finding !== null) this.#finding = { ...result.finding, run, traceHash: hash };
    else addTo(this.#outcomes, result.outcome ?? '');
  }

  result(): ExploreResult {
    return {
      finding: this.#finding,
      executions: this.#executions,
      steps: this.#steps,
      traceHash: this.#traceHash,
      outcomes: this.#outcomes,
    };
  }
}

/** Runs `executions` executions, or up to the first finding. */
export function explore(
  build: () => Program,
  strategy: Strategy,
  executions: number,
  options: ExploreOptions,
): ExploreResult {
  const search = new Search(build, strategy, options);
  search.run(executions);
  return search.result();
}
