/**
 * The strategies by name.
 */
import type { Strategy } from '../strategy.ts';
import { Bounded } from './bounded.ts';
import { Dpor } from './dpor.ts';
import { FewPreemptions } from './few.ts';
import { Guided } from './guided.ts';
import { Pct } from './pct.ts';
import { Pos } from './pos.ts';
import { Starvation } from './starvation.ts';
import { Surw } from './surw.ts';
import { Uniform } from './uniform.ts';
import { Walk } from './walk.ts';

/** Depths that PCT draws from: small ones more often. */
const PCT_DEPTHS = [2, 2, 2, 2, 3, 3, 3, 4, 4, 10];
/** Runs in percent for which SURW selects nothing: sometimes no one object is what matters. */
const SURW_PLAIN_PERCENT = 20;
/** Preemptions of the last bound that is searched. */
export const BOUND_MAX = 16;

/** Strategies whose runs do not build on one another beyond a slice: any number of workers can share them. */
export const SLICED = {
  walk: (seed: number): Strategy => new Walk(seed),
  uniform: (seed: number): Strategy => new Uniform(seed),
  pct: (seed: number): Strategy => new Pct(seed, PCT_DEPTHS),
  pos: (seed: number): Strategy => new Pos(seed),
  surw: (seed: number): Strategy => new Surw(seed, SURW_PLAIN_PERCENT),
  urw: (seed: number): Strategy => new Surw(seed, 100),
  few: (seed: number): Strategy => new FewPreemptions(seed),
  starvation: (seed: number): Strategy => new Starvation(seed),
  guided: (seed: number): Strategy => new Guided(seed),
} as const;
export type SlicedName = keyof typeof SLICED;

/** Strategies that know where they are in all runs there are: one worker, and an end. `bound`: preemptions of a run at most. */
export const SYSTEMATIC = {
  bounded: (bound: number | null): Bounded => new Bounded(0, bound ?? BOUND_MAX),
  dpor: (bound: number | null): Dpor => new Dpor(bound ?? Number.POSITIVE_INFINITY),
} as const;
export type SystematicName = keyof typeof SYSTEMATIC;

export type StrategyName = SlicedName | SystematicName | 'portfolio';
export const STRATEGY_NAMES: readonly StrategyName[] = [
  'portfolio',
  ...(Object.keys(SLICED) as SlicedName[]),
  ...(Object.keys(SYSTEMATIC) as SystematicName[]),
];

export const isSystematic = (name: StrategyName): name is SystematicName => Object.hasOwn(SYSTEMATIC, name);
