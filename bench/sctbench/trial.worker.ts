/**
 * Makes the trials of one program under one algorithm.
 */
import { skeletons } from './programs.ts';
import { type Algorithm, Bench, type Limits, type Trial } from './trial.ts';

export interface TrialOrder {
  readonly program: string;
  readonly algorithm: Algorithm;
  readonly seed: number;
  readonly trials: number;
  readonly limits: Limits;
}

/** The machine that was made last, and for which program. */
let last: { readonly program: string; readonly bench: Bench } | null = null;

export default function makeTrials({ program, algorithm, seed, trials, limits }: TrialOrder): Trial[] {
  const skeleton = skeletons.find(({ name }) => name === program);
  if (skeleton === undefined) throw new Error(`there is no program ${program}`);
  if (last?.program !== program) last = { program, bench: new Bench(skeleton) };
  const { bench } = last;
  return Array.from({ length: trials }, (_, i) => bench.trial(algorithm, seed + i, limits));
}
