/** What a search says of runs that have shown nothing. */
import { test } from 'tap';
import { usualBudget } from '../../src/cli/budget.ts';
import { type ExploreRequest, exploreScenario } from '../../src/cli/explore-scenario.ts';
import type { Coverage } from '../../src/explore/search.ts';

async function covered(scenario: string, executions: number, more: Partial<ExploreRequest>): Promise<Coverage> {
  const machine = { cpus: 3, preset: 'unified', bug: null, lock: 'tas', races: false } as const;
  const request = {
    scenario,
    ...machine,
    seed: 1,
    jobs: 1,
    executions,
    seconds: null,
    strategy: 'walk',
    ...more,
  } as const;
  const { finding, coverage } = await exploreScenario(request, () => false);
  if (finding !== null) throw new Error(finding.message);
  return coverage;
}

test('what PCT may have missed is less the more it has run, and not less for deeper bugs', async (t) => {
  const budget = usualBudget('drain', 3, 'pct');
  const missed = async (executions: number): Promise<number[]> => {
    const { missed: all } = await covered('drain', executions, { strategy: 'pct', budget });
    return (all ?? []).map(({ probability }) => probability);
  };
  const few = await missed(100);
  const many = await missed(1000);
  t.equal(many.length, 3);
  t.ok((many[0] as number) <= (many[1] as number) && (many[1] as number) < (many[2] as number), many.join());
  for (const [i, probability] of many.entries())
    t.ok(probability < (few[i] as number), `${probability} after ${few[i]}`);
  t.ok((many[0] as number) < 0.97, 'three of four runs promise something: those that no limit keeps from some bugs');
});

test('a lock that goes from one to the other is seen with locks of both kinds', async (t) => {
  const handOvers = async (lock: 'tas' | 'ticket'): Promise<number> =>
    (await covered('drain', 300, { lock })).handOvers.seen;
  const [tas, ticket] = [await handOvers('tas'), await handOvers('ticket')];
  t.ok(ticket > tas / 2, `${ticket} with ticket locks, ${tas} with test-and-set`);
});
