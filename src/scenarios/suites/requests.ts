/**
 * What a round needs whose device is request-based.
 */
import type { RequestsPlan } from './round-plan.ts';

/** For dmCreate. */
export const requestBased = (
  requests: RequestsPlan | undefined,
): { readonly requestBased?: true; readonly nrRequests?: number } =>
  requests === undefined ? {} : { requestBased: true, nrRequests: requests.nrRequests };

/** All of a queue's pool can be out at once, and each request of the device has a clone. */
export function requestSlots(
  requests: RequestsPlan | undefined,
  disks: number,
  reserve: number,
): Record<string, number> {
  if (requests === undefined) return {};
  const { nrRequests, records } = requests;
  const queues = disks + 1;
  return {
    'request-disk': disks,
    'request-queue': queues,
    request: queues * (3 + Math.max(nrRequests, DISK_REQUESTS)) + nrRequests + reserve + records,
    'dm-rq-target-io': reserve + records,
  };
}

/** In the pool of a disk's queue, if nothing else is said. */
const DISK_REQUESTS = 4;
