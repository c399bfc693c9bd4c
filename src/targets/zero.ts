/**
 * zero: reads give zeroes, writes vanish, read-ahead fails. `zero`
 *
 * Models dm-zero.c.
 */
import {
  type Bio,
  bioEndio,
  DM_MAPIO_SUBMITTED,
  defineTarget,
  EIO,
  type Kernel,
  REQ_READA,
  REQ_WRITE,
  resolved,
  setBioData,
} from '../core/device-mapper.ts';

export const zero = defineTarget({
  name: 'zero',
  version: [1, 2, 0],

  ctr: (_ti, argv) => resolved(argv.length === 0 ? null : 'No arguments required'),

  *map(_ti, clone: Bio): Kernel<number> {
    if ((clone.bioFlags & REQ_WRITE) === 0) {
      if ((clone.bioFlags & REQ_READA) !== 0) return -EIO;
      for (let i = 0; i < clone.size; i++) setBioData(clone, i, 0);
    }
    yield* bioEndio(clone, 0);
    return DM_MAPIO_SUBMITTED;
  },

  tableLine: () => resolved(''),
  statusLine: () => resolved(''),
});
