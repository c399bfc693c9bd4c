/**
 * What a multipath sends to its paths: the clone of a bio, or, below a request-based device, the clone of a request.
 */
import { type Bio, dmRemapRequest, Request } from '../../core/device-mapper.ts';
import type { Multipath } from './multipath.ts';

export interface Carrier<T> {
  /** At the end of the queue. With m->lock held. */
  enqueue(m: Multipath, clone: T): void;
  /** The clone is for this device now. */
  send(clone: T, device: number): void;
}

export const BIOS: Carrier<Bio> = {
  enqueue(m, clone): void {
    m.queuedIos.add(clone);
  },
  send(clone, device): void {
    clone.bdev = device;
  },
};

export const REQUESTS: Carrier<Request> = {
  enqueue(m, clone): void {
    clone.next = 0;
    if (m.queuedRqFirst === 0) m.queuedRqFirst = clone.handle;
    else Request.at(m.queuedRqLast).next = clone.handle;
    m.queuedRqLast = clone.handle;
  },
  send(clone, device): void {
    dmRemapRequest(clone, device, 0);
  },
};

/** All queued requests, oldest first; the queue is empty afterwards. With m->lock held. */
export function takeQueuedRequests(m: Multipath): Request[] {
  const clones: Request[] = [];
  for (let handle = m.queuedRqFirst; handle !== 0; ) {
    const clone = Request.at(handle);
    handle = clone.next;
    clone.next = 0;
    clones.push(clone);
  }
  m.queuedRqFirst = 0;
  return clones;
}
