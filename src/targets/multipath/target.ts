/**
 * multipath: one disk that is reached by several paths, in groups of which one is used at a time.
 *
 * Models dm-mpath.c of 2.6.20, bio-based: it may stand beside other targets, keeps I/O itself while it has no path, and prints
 * what it was given. Below a request-based device it does as in 2.6.33 (request.ts). docs/MACHINES.md says what is of later kernels.
 */
import {
  type DeviceArea,
  type DmTarget,
  defineTarget,
  dmCloseDevice,
  flushWorkqueue,
  initWork,
  type Kernel,
  Mempool,
  mempoolCreate,
  mempoolDestroy,
  Work,
} from '../../core/device-mapper.ts';
import { Arguments, Refusal } from './arguments.ts';
import { endIo, withoutPaths } from './end-io.ts';
import { hardwareHandlers } from './hardware-handler.ts';
import { getKmultipathd, kmultipathd, putKmultipathd } from './kmultipathd.ts';
import { map } from './map.ts';
import { message } from './message.ts';
import { groupsOf, MpathIo, Multipath, multipathOf, Pgpath, PriorityGroup, pathsOf } from './multipath.ts';
import { parse } from './parse.ts';
import { waitForPgInit } from './pg-init.ts';
import { busy, mapRq, rqEndIo } from './request.ts';
import { bindMultipathSeams, type MultipathSeams, seams } from './seams.ts';
import { statusLine, tableLine } from './status.ts';
import { postsuspend, presuspend, resume } from './suspend.ts';
import { activate, oneAtATime, PROCESS_QUEUED_IOS, TRIGGER_EVENT } from './work.ts';
import './round-robin.ts';
import './simulated-handler.ts';

/** Elements in reserve: an I/O that waits for one is certain to get it when another ends. */
const MIN_IOS = 1;

const NO_MEMORY = "can't allocate multipath";

function* ctr(ti: DmTarget, argv: readonly string[]): Kernel<string | null> {
  if (!(yield* getKmultipathd())) return NO_MEMORY;
  const m = allocMultipath(ti);
  if (m === null) {
    yield* putKmultipathd();
    return NO_MEMORY;
  }
  ti.private = m.handle;
  ti.numFlushRequests = 1;
  try {
    yield* parse(ti, m, new Arguments(argv));
    return null;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    yield* freeMultipath(m);
    return error.message;
  }
}

function allocMultipath(ti: DmTarget): Multipath | null {
  const m = Multipath.alloc();
  const pool = m === null ? null : mempoolCreate(MpathIo, MIN_IOS);
  if (m === null || pool === null) {
    if (m !== null) Multipath.free(m);
    return null;
  }
  m.ti = ti.handle;
  m.mpioPool = pool.handle;
  // I/O is queued until a group has been chosen.
  m.queueIo = 1;
  m.processQueuedIos = initWork(PROCESS_QUEUED_IOS, m.handle).handle;
  m.triggerEvent = initWork(TRIGGER_EVENT, m.handle).handle;
  return m;
}

function* dtr(ti: DmTarget): Kernel<void> {
  yield* seams.flushBeforeFree();
  yield* freeMultipath(multipathOf(ti));
}

/** Seam flushBeforeFree: a message may have kicked the work items since postsuspend. */
function flushBeforeFree(): Kernel<void> {
  return flushWorkqueue(kmultipathd(), HERE);
}

function* freeMultipath(m: Multipath): Kernel<void> {
  for (const pg of groupsOf(m)) {
    for (const pgpath of pathsOf(pg)) {
      if (pgpath.device !== 0) yield* dmCloseDevice(pgpath.device);
      Pgpath.free(pgpath);
    }
    PriorityGroup.free(pg);
  }
  if (m.hwHandler !== 0) hardwareHandlers.at(m.hwHandler).destroy(m.hwContext);
  Work.free(Work.at(m.processQueuedIos));
  Work.free(Work.at(m.triggerEvent));
  mempoolDestroy(MpathIo, Mempool.at(m.mpioPool));
  Multipath.free(m);
  yield* putKmultipathd();
}

/** Each path holds the whole target, at the sectors of the device itself. */
function iterateDevices(ti: DmTarget): DeviceArea[] {
  return [...groupsOf(multipathOf(ti))].flatMap((pg) =>
    [...pathsOf(pg)].map(({ device }) => ({ device, start: ti.begin })),
  );
}

/** Without a bug. */
export const multipathSeams: MultipathSeams = {
  mayActivate: oneAtATime,
  activate,
  withoutPaths,
  busy,
  waitForPgInit,
  flushBeforeFree,
};
bindMultipathSeams(multipathSeams);

defineTarget({
  name: 'multipath',
  version: [1, 0, 5],
  ctr,
  dtr,
  map,
  endIo,
  mapRq,
  rqEndIo,
  busy: (ti) => seams.busy(multipathOf(ti)),
  presuspend,
  postsuspend,
  resume,
  message,
  iterateDevices,
  tableLine,
  statusLine,
});
