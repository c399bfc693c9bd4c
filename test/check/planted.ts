/**
 * Planted violations: for each invariant a small program that breaks it. Each is a scenario, so that both machines run it.
 */
import type { Planted } from './held.ts';
import { plantedBarrier } from './planted-barrier.ts';
import { plantedFlush } from './planted-flush.ts';
import { plantedFreeze } from './planted-freeze.ts';
import { plantedMisuse } from './planted-misuse.ts';
import { plantedMultipath } from './planted-multipath.ts';
import { plantedRequest } from './planted-request.ts';
import { plantedSeams } from './planted-seams.ts';

export type { Planted } from './held.ts';

export const planted: readonly Planted[] = [
  ...plantedMisuse,
  ...plantedMultipath,
  ...plantedSeams,
  ...plantedFreeze,
  ...plantedRequest,
  ...plantedFlush,
  ...plantedBarrier,
];
