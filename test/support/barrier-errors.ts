import { EIO, ENXIO, EOPNOTSUPP } from '../../src/machine/errno.ts';

/** What the two flushes of a barrier of bios and the data between them say, and what it ends with (spec C3). */
export const BARRIER_ERRORS: readonly (readonly [flush: number, data: number, flush: number, barrier: string])[] = [
  [0, 0, 0, '0'],
  [-EIO, 0, 0, '-EIO'],
  [0, 0, -ENXIO, '-ENXIO'],
  [-ENXIO, -EIO, 0, '-ENXIO'],
  [0, -EIO, -ENXIO, '-EIO'],
  [-EOPNOTSUPP, 0, -EOPNOTSUPP, '0'],
  [-EOPNOTSUPP, -EIO, 0, '-EIO'],
  [-EIO, -EOPNOTSUPP, -EOPNOTSUPP, '-EIO'],
];
