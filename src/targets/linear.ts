/**
 * linear: a range of another device. `linear <dev> <start>`
 *
 * Models dm-linear.c.
 */
import {
  DM_MAPIO_REMAPPED,
  type DmTarget,
  defineTarget,
  dmGetDevice,
  dmPutDevice,
  dmRemapRequest,
  type Kernel,
  parseSector,
  resolved,
  targetDeviceNumber,
} from '../core/device-mapper.ts';

export const linear = defineTarget({
  name: 'linear',
  version: [1, 4, 0],

  *ctr(ti: DmTarget, argv: readonly string[]): Kernel<string | null> {
    if (argv.length !== 2) return 'Invalid argument count';
    const start = parseSector(argv[1]);
    if (start === null) return 'Invalid device sector';
    if (!(yield* dmGetDevice(ti, argv[0] as string))) return 'Device lookup failed';
    ti.start = start;
    ti.numFlushRequests = 1;
    return null;
  },

  dtr: dmPutDevice,

  map(ti, clone) {
    clone.bdev = ti.device;
    // A flush has no place.
    if (clone.size > 0) clone.sector = ti.start + (clone.sector - ti.begin);
    return resolved(DM_MAPIO_REMAPPED);
  },

  mapRq(ti, clone) {
    dmRemapRequest(clone, ti.device, ti.start - ti.begin);
    return resolved(DM_MAPIO_REMAPPED);
  },

  tableLine: (ti) => resolved(`${targetDeviceNumber(ti)} ${ti.start}`),
  statusLine: () => resolved(''),
});
