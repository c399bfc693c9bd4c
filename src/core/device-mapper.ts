/**
 * What the author of a target sees, and all that a target may import.
 *
 * Models include/linux/device-mapper.h. map and end_io say what to do by a number: 0, an error below 0, or one of the names
 * below.
 */

export { type Bio, bioData, bioEndio, REQ_READA, REQ_WRITE, setBioData } from '../block/bio.ts';
export { genericMakeRequest } from '../block/submit.ts';
export { EINVAL, EIO, ENOMEM, EOPNOTSUPP } from '../machine/errno.ts';
export { type Kernel, resolved } from '../machine/kernel.ts';
export type { DmTargetIo } from './dm-io.ts';
export {
  DM_ENDIO_DONE,
  DM_ENDIO_INCOMPLETE,
  DM_ENDIO_REQUEUE,
  DM_MAPIO_REMAPPED,
  DM_MAPIO_REQUEUE,
  DM_MAPIO_SUBMITTED,
  type DmTarget,
  defineTarget,
  type TargetType,
} from './dm-target.ts';
export {
  dmGetDevice,
  dmNoflushSuspending,
  dmPutDevice,
  dmTableEvent,
  parseSector,
  targetDeviceNumber,
} from './target-services.ts';
