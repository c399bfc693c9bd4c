/**
 * What a machine boots: a scenario under a variant, with oracles or without. Loaded by every worker of the real machine, and
 * used for the model machine too.
 */
import type { Bootable } from '../actors/boot-module.ts';
import {
  checkClosed,
  checkQuiescence,
  checkStuck,
  ERROR_RULES,
  errorRules,
  oracles as oracleListeners,
  wakersOf,
} from '../check/index.ts';
import { bindListeners } from '../machine/events.ts';
import type { Program } from '../machine/machine.ts';
import type { ProfileBuffers } from '../profile/layout.ts';
import { attachCpu, attachMain, type ProfiledRound, startProfiledRound, traceListeners } from '../profile/session.ts';
import { findScenario } from '../scenarios/registry.ts';
import type { Lockdep } from '../shared/lockdep/lockdep.ts';
import { bindSpinLocks, tasSpinLock, ticketSpinLock } from '../shared/spinlock.ts';
import { installVariant, type VariantChoice } from '../variants/variants.ts';
import { type LockdepOrder, lockListeners, lockNoteOf } from './thread-lockdep.ts';

export interface BootOrder {
  readonly scenario: string;
  readonly cpus: number;
  readonly variant: VariantChoice;
  readonly lock: 'tas' | 'ticket';
  readonly oracles: boolean;
  /** The lock validator listens; default: no. `afresh`: it has forgotten the rounds before. */
  readonly lockdep?: LockdepOrder;
  /** What a profile does in this round, if there is one; default: it hears it. */
  readonly profiled?: ProfiledRound;
}

/** What is shared beside the machine's memory is a profile. */
export function attach(attachment: unknown, cpu: number | null): void {
  const buffers = attachment as ProfileBuffers | null;
  if (cpu === null) attachMain(buffers);
  else attachCpu(buffers, cpu);
}

const SPIN_LOCKS = { tas: tasSpinLock, ticket: ticketSpinLock } as const;

/** What the count of each rule is called. Made once: searches ask after every run. */
const RULE_COUNTS = ERROR_RULES.map((rule) => [rule, `errors.${rule}`] as const);

/** The program's counts, and how often each rule allowed an error. */
function withCounts(program: Program, oracles: boolean): Program {
  if (!oracles) return program;
  const counts = (): Record<string, number> => {
    const all: Record<string, number> = { ...program.counts?.() };
    const rules = errorRules();
    for (const [rule, name] of RULE_COUNTS) all[name] = rules[rule];
    return all;
  };
  return { ...program, counts };
}

/** `validator`: who hears the locks if the order says so; default: that of the thread. */
export function prepare(order: unknown, validator: Lockdep | null = null): Bootable {
  const { scenario: name, cpus, variant, lock, oracles, lockdep = false, profiled } = order as BootOrder;
  const scenario = findScenario(name, cpus);
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  return {
    slots: scenario.slots ?? {},
    staticWords: scenario.staticWords,
    atQuiescence: oracles ? checkQuiescence : undefined,
    whenStuck: oracles ? checkStuck : undefined,
    note: lockNoteOf(lockdep, validator),
    whenClosed: oracles ? checkClosed : undefined,
    wakersOf: oracles ? wakersOf : undefined,
    build() {
      bindListeners([
        ...(oracles ? oracleListeners() : []),
        ...lockListeners(lockdep, validator),
        ...traceListeners(profiled),
      ]);
      bindSpinLocks(SPIN_LOCKS[lock]);
      installVariant(variant);
      const program = withCounts(scenario.build(), oracles);
      startProfiledRound(profiled);
      return program;
    },
  };
}
