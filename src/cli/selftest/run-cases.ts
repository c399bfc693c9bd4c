/**
 * Runs the cases of the self-test on either machine.
 */
import { availableParallelism, tmpdir } from 'node:os';
import { RealMachine } from '../../actors/machine.ts';
import { Walk } from '../../explore/strategies/walk.ts';
import type { FindingKind } from '../../machine/finding.ts';
import type { FindingReport } from '../../machine/machine.ts';
import { type SelftestCase, selftestCases } from '../../scenarios/selftest/cases.ts';
import type { BootOrder } from '../boot.ts';
import { modelMachine } from '../explore-machine.ts';
import { JoinedLocks } from '../joined-locks.ts';

export interface CaseResult extends Omit<SelftestCase, 'scenario' | 'spinLocks'> {
  readonly scenario: string;
  readonly found: FindingKind | null;
  readonly message: string;
  readonly ok: boolean;
}

export type MachineName = 'model' | 'threads';

/** Nothing in a case depends on chance, but an interrupt may come sooner or later. */
const EXECUTIONS = 5;
const CPUS = 2;

const resultOf = ({ use, kind, expected, scenario }: SelftestCase, finding: FindingReport | null): CaseResult => ({
  use,
  kind,
  expected,
  scenario: scenario.name,
  found: finding?.kind ?? null,
  message: finding?.message ?? '',
  ok: (finding?.kind ?? null) === expected,
});

function onModel(each: SelftestCase, lockdep: boolean): CaseResult {
  const scenario = each.scenario.name;
  const lock = each.spinLocks;
  const machine = modelMachine({ scenario, cpus: CPUS, preset: 'unified', bug: null, lock, lockdep });
  machine.follow(new Walk(1));
  let finding: FindingReport | null = null;
  for (let run = 0; run < EXECUTIONS && finding === null; run++) finding = machine.run(run).finding;
  return resultOf(each, finding);
}

async function onThreads(machine: RealMachine, each: SelftestCase, lockdep: boolean): Promise<CaseResult> {
  const boot: BootOrder = {
    scenario: each.scenario.name,
    cpus: CPUS,
    variant: { preset: 'unified', bug: null },
    lock: each.spinLocks,
    oracles: true,
    lockdep: lockdep ? 'afresh' : false,
  };
  const { finding, notes } = await machine.run({ boot, cpus: CPUS, noise: 'none', seed: 1, delay: null });
  return resultOf(each, finding ?? new JoinedLocks().add(notes)[0] ?? null);
}

/** All cases; `lockdep`: with the validator, or blind. */
export async function runSelftest(which: MachineName, lockdep: boolean): Promise<CaseResult[]> {
  if (which === 'model') return selftestCases.map((each) => onModel(each, lockdep));
  const machine = await RealMachine.start({
    cpus: CPUS,
    bootModule: new URL('../boot.js', import.meta.url).href,
    cores: availableParallelism(),
    // What is found here is no error.
    log: { level: 'silent', folder: tmpdir() },
  });
  try {
    const results: CaseResult[] = [];
    for (const each of selftestCases) results.push(await onThreads(machine, each, lockdep));
    return results;
  } finally {
    await machine.stop();
  }
}
