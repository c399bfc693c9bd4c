/**
 * What a stress run has seen: sums over rounds, for each suite and each CPU.
 */
import type { CpuCounts, RoundResult } from '../../actors/machine.ts';
import type { FindingReport } from '../../machine/machine.ts';

export interface StressFinding extends FindingReport {
  readonly round: number;
  readonly seed: number;
  readonly scenario: string;
  /** The command that searches the same round. */
  readonly explore: string;
  /** The finding's file. */
  readonly file: string;
}

/** What the rounds of one suite have seen. */
export class SuiteTally {
  readonly name: string;
  rounds = 0;
  readonly findings: StressFinding[] = [];
  readonly #counts = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
  }

  add(counts: RoundResult['counts']): void {
    this.rounds++;
    for (const [name, count] of Object.entries(counts)) this.#counts.set(name, this.count(name) + count);
  }

  count(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** Whether anything below a prefix was counted. */
  has(prefix: string): boolean {
    return [...this.#counts.keys()].some((name) => name.startsWith(`${prefix}.`));
  }

  /** How often each kind of lock was held. */
  lockCounts(): Record<string, { writes: number; reads: number }> {
    const kinds: Record<string, { writes: number; reads: number }> = {};
    for (const [name, count] of Object.entries(this.below('locks'))) {
      const [kind = '', how] = name.split('.');
      kinds[kind] ??= { writes: 0, reads: 0 };
      if (how === 'writes') kinds[kind].writes = count;
      else kinds[kind].reads = count;
    }
    return kinds;
  }

  /** Counts below a prefix, without it: `interrupted.wait` is `wait` of `interrupted`. */
  below(prefix: string): Record<string, number> {
    const found: Record<string, number> = {};
    for (const [name, count] of this.#counts)
      if (name.startsWith(`${prefix}.`)) found[name.slice(prefix.length + 1)] = count;
    return found;
  }
}

/** Sums the counts of CPUs over rounds; the interrupt actor is the last. */
export class CpuTally {
  readonly sums: CpuCounts[] = [];

  add(counts: readonly CpuCounts[]): void {
    for (const each of counts) {
      const sum = this.sums[each.cpu] ?? { cpu: each.cpu, steps: 0, interrupts: 0, softirqs: 0, switches: 0, parks: 0 };
      this.sums[each.cpu] = {
        cpu: each.cpu,
        steps: sum.steps + each.steps,
        interrupts: sum.interrupts + each.interrupts,
        softirqs: sum.softirqs + each.softirqs,
        switches: sum.switches + each.switches,
        parks: sum.parks + each.parks,
      };
    }
  }

  /** CPUs that ran no task: the run was not what it claims to be. */
  idle(): number[] {
    return this.sums.filter(({ steps, switches }) => steps === 0 || switches === 0).map(({ cpu }) => cpu);
  }
}
