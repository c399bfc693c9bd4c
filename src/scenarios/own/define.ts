/**
 * Scenarios of one's own: `defineScenario` turns a function into what both machines run.
 */
import { KernelFinding, report } from '../../machine/finding.ts';
import { type Kernel, open } from '../../machine/kernel.ts';
import type { Budget, Program } from '../../machine/machine.ts';
import { MEASURED_WORDS, memory } from '../../shared/memory.ts';
import { attachMemory, planMachineMemory } from '../../shared/struct-registry.ts';
import type { Scenario } from '../scenario.ts';
import { checkStars, forgetCalls } from './starred.ts';
import { type World, world } from './world.ts';

/** What one actor does: a generator function. */
export type Run = () => Kernel<unknown>;

/** What a scenario does: all `actors` at once, each on a CPU of its own unless it names one; `setup` before and `verify` after them. */
export interface Parts {
  readonly setup?: Run;
  readonly actors: readonly (Run | OwnActor)[];
  readonly verify?: Run;
  /** What came out, as one line; a search counts how often it sees each. */
  readonly outcome?: () => string;
}

export interface OwnActor {
  readonly name?: string;
  readonly cpu?: number;
  readonly run: Run;
}

export interface OwnOptions {
  readonly title?: string;
  /** Default: as many as the actors name. */
  readonly cpus?: number;
  /** All outcomes that are allowed; default: any. */
  readonly outcomes?: readonly string[];
  /** Slots for kinds of object that need more, or fewer, than their default. */
  readonly slots?: Readonly<Record<string, number>>;
  /** What may happen in it, and how often, unless a search says otherwise: signals, allocations that fail; default: two wake-ups without a cause. */
  readonly budget?: Partial<Budget>;
}

const ownScenarios = new Map<string, Scenario>();

/** A scenario that was defined in this thread. */
export function findOwn(name: string): Scenario | undefined {
  return ownScenarios.get(name);
}

/** The names of those defined so far. */
export function ownNames(): string[] {
  return [...ownScenarios.keys()];
}

/** CPUs of the machine on which a scenario is measured: more than any has. */
const CPUS_MEASURED = 16;

/**
 * Defines a scenario. `build` declares what is shared and gives the parts; it is called once for each machine and once before, to
 * see how much is shared, and must do the same each time. Throws when the name is taken, or is not made of letters, digits,
 * `.`, `/`, `_` and `-`.
 */
export function defineScenario(name: string, build: (world: World) => Parts, options: OwnOptions = {}): Scenario {
  if (!/^[\w./-]+$/.test(name))
    throw new TypeError(
      `A scenario cannot be called '${name}': letters, digits, '.', '/', '_' and '-' are allowed, since schedules name it.`,
    );
  if (ownScenarios.has(name)) throw new Error(`There is a scenario '${name}' already; give this one another name.`);
  let size: { readonly cpus: number; readonly staticWords: number } | undefined;
  const measured = (): NonNullable<typeof size> => {
    size ??= measure(() => partsOf(name, build), options);
    return size;
  };
  const scenario: Scenario = {
    name,
    title: options.title ?? name,
    get cpus() {
      return measured().cpus;
    },
    get staticWords() {
      return measured().staticWords;
    },
    ...(options.slots === undefined ? {} : { slots: options.slots }),
    ...(options.outcomes === undefined ? {} : { outcomes: options.outcomes }),
    ...(options.budget === undefined ? {} : { budget: options.budget }),
    build: () => programOf(partsOf(name, build), options.outcomes),
  };
  ownScenarios.set(name, scenario);
  return scenario;
}

function partsOf(name: string, build: (world: World) => Parts): Parts {
  const parts: unknown = build(world);
  const actors = typeof parts === 'object' && parts !== null && 'actors' in parts ? parts.actors : undefined;
  if (!Array.isArray(actors) || actors.length === 0)
    throw new TypeError(
      `The scenario '${name}' has no actors: its function must return { actors: [function* () { … }, …] }.`,
    );
  return parts as Parts;
}

/** How many words a scenario declares and CPUs it names, seen on a memory of its own. */
function measure(parts: () => Parts, options: OwnOptions): { cpus: number; staticWords: number } {
  const { words, plan, allocator, staticTop } = memory;
  const trial = planMachineMemory({ cpus: CPUS_MEASURED, allocators: 1, slots: {}, staticWords: MEASURED_WORDS });
  attachMemory(new Int32Array(trial.size), trial, 0, true);
  const before = memory.staticTop;
  const actors = actorsOf(parts());
  const staticWords = memory.staticTop - before;
  if (plan !== null) attachMemory(words, plan, allocator, false);
  memory.staticTop = staticTop;
  const cpus = options.cpus ?? Math.max(...actors.map(({ cpu }) => cpu)) + 1;
  return { cpus, staticWords };
}

type NamedActor = Required<OwnActor>;

function actorsOf({ actors }: Parts): NamedActor[] {
  return actors.map((each, i) => {
    const actor: OwnActor = typeof each === 'function' ? { run: each } : each;
    const plainName = actor.run.name === '' || actor.run.name === 'run' ? `actor${i}` : actor.run.name;
    const isTwin = actors.some(
      (other, j) => j !== i && (typeof other === 'function' ? other : other.run) === actor.run,
    );
    return { name: actor.name ?? (isTwin ? `${plainName}${i}` : plainName), cpu: actor.cpu ?? i, run: actor.run };
  });
}

/** Runs in which it is noticed that an actor does nothing. */
const RUNS_WATCHED = 16;

function programOf(parts: Parts, outcomes: readonly string[] | undefined): Program {
  const actors = actorsOf(parts);
  const moved = actors.map(() => false);
  let runs = 0;
  const runOf = ({ run }: NamedActor, i: number): Kernel<void> => {
    // The first part of a run: what an earlier run left behind does not count.
    if (i === 0 && parts.setup === undefined) forgetCalls();
    if (runs >= RUNS_WATCHED || moved[i] === true) return guarded(run);
    return noticed(guarded(run), () => {
      moved[i] = true;
    });
  };
  const { setup, verify } = parts;
  return {
    ...(setup === undefined ? {} : { setup: () => guarded(setup, forgetCalls) }),
    ...(verify === undefined ? {} : { verify: () => guarded(verify) }),
    actors: actors.map((actor, i) => ({ ...actor, run: () => runOf(actor, i) })),
    outcome() {
      const idle = actors.find((_, i) => moved[i] !== true);
      if (++runs === RUNS_WATCHED && idle !== undefined)
        report(
          'assertion',
          '',
          `${idle.name} makes no operation in any of ${runs} runs: is there a function* that it calls without yield*?`,
        );
      const outcome = parts.outcome?.() ?? '';
      if (outcomes !== undefined && !outcomes.includes(outcome))
        report('assertion', '', `the outcome '${outcome}' is not allowed; allowed are ${outcomes.join(', ')}`);
      return outcome;
    },
  };
}

/** What goes wrong in a user's code is a finding, whatever it is: an assertion of any library, a call without its star. */
function* guarded(run: Run, before?: () => void): Kernel<void> {
  before?.();
  try {
    yield* generator(run(), run.name);
  } catch (error) {
    if (error instanceof KernelFinding) throw error;
    report('assertion', '', error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  }
  checkStars();
}

/** The call itself, if it is what the types say. */
function generator(call: Kernel<unknown> | undefined, name: string): Kernel<unknown> {
  if (typeof call === 'object' && call !== null && Symbol.iterator in call) return call;
  throw new TypeError(`${name} is no generator: write function* ${name}()`);
}

/** Says so when the run makes its first operation. */
function* noticed(run: Kernel<void>, say: () => void): Kernel<void> {
  const iterator = open(run);
  for (let step = iterator.next(); step.done !== true; step = iterator.next()) {
    say();
    yield step.value;
  }
}
