/**
 * A round whose actors are dealt out to other CPUs: `SUITE@SEED.ROUNDs`. Heavy noise runs such rounds, and since the name says so, explore
 * and replay have the same actors on the same CPUs.
 */
import type { Program } from '../../machine/machine.ts';
import { deriveSeed, Random } from '../../shared/random.ts';
import type { Scenario } from '../scenario.ts';

/** The same actors on other CPUs, by the same permutation in every worker. */
function dealt(program: Program, cpus: number, random: Random): Program {
  const cpuOf = Array.from({ length: cpus }, (_, cpu) => cpu);
  for (let i = cpus - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [cpuOf[i], cpuOf[j]] = [cpuOf[j] as number, cpuOf[i] as number];
  }
  const actors = program.actors.map(({ name, cpu, run }) => ({ name, cpu: cpuOf[cpu] as number, run }));
  return { ...program, actors };
}

export function shuffled(scenario: Scenario, name: string, seed: number, round: number): Scenario {
  const { cpus } = scenario;
  return { ...scenario, name, build: () => dealt(scenario.build(), cpus, new Random(deriveSeed(seed, round))) };
}
