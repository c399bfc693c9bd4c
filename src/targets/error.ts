/**
 * error: every I/O fails. `error`
 *
 * Models the error target of dm-target.c.
 */
import { defineTarget, EIO, resolved } from '../core/device-mapper.ts';

export const error = defineTarget({
  name: 'error',
  version: [1, 6, 0],
  // Words behind the name are accepted and ignored, as ever.
  ctr: () => resolved(null),
  map: () => resolved(-EIO),
  mapRq: () => resolved(-EIO),
  tableLine: () => resolved(''),
  statusLine: () => resolved(''),
});
