/**
 * What a search says about what it has seen.
 */
import { COVERED, type Covered } from '../explore/coverage.ts';
import type { ExploreAnswer } from './explore-scenario.ts';
import { plainTable } from './finding-text.ts';

const NAMES: Readonly<Record<Covered, string>> = {
  classes: 'classes of executions',
  handOvers: 'lock hand-overs',
  states: 'states',
};

const probability = (value: number): string =>
  value === 0 || value >= 0.001 ? value.toFixed(4) : value.toExponential(1);

export const COVERAGE_HEAD = ['seen', 'different', 'P(the next execution shows a new one)'];

export const coverageRows = ({ coverage }: ExploreAnswer): (string | number)[][] =>
  COVERED.map((kind) => {
    const { seen, next, low, high } = coverage[kind];
    return [NAMES[kind], seen, `${probability(next)} (${probability(low)} to ${probability(high)})`];
  });

export function coverageText(answer: ExploreAnswer): string[] {
  const { coverage, exhaustive, executions } = answer;
  const lines = ['', plainTable(COVERAGE_HEAD, coverageRows(answer), [1])];
  if (coverage.missed !== null)
    lines.push(
      `missed with a probability of at most: ${coverage.missed.map((each) => `${probability(each.probability)} (bug of depth ${each.depth})`).join(', ')}`,
    );
  if (coverage.strategies.length > 1)
    lines.push(
      `strategies: ${coverage.strategies.map((each) => `${each.strategy} ${Math.round((100 * each.executions) / executions)} %`).join(', ')}`,
    );
  if (exhaustive !== null) lines.push(exhaustive);
  return lines;
}
