/**
 * All programs of the benchmark.
 */
import { chess } from './chess.ts';
import { convul } from './convul.ts';
import { cs } from './cs.ts';
import type { Skeleton } from './kit.ts';

export const skeletons: readonly Skeleton[] = [...cs, ...chess, ...convul];
