/**
 * A thread for one single-CPU measurement, so that each begins with fresh type feedback, as a machine that is just booted.
 */
import '../src/targets/all.ts';
import { parentPort, workerData } from 'node:worker_threads';
import { tasSpinLock, ticketSpinLock } from '../src/shared/spinlock.ts';
import type { Row } from './row.ts';
import { soloBio } from './solo-bio.ts';
import { modelLockdep, soloLockdep } from './solo-lockdep.ts';
import { soloLocks } from './solo-locks.ts';
import { soloModel } from './solo-model.ts';
import { soloMultipath } from './solo-multipath.ts';
import { soloProfile } from './solo-profile.ts';
import { soloSchedules } from './solo-schedules.ts';
import { soloSearch } from './solo-search.ts';

const MEASUREMENTS: Readonly<Record<string, () => Row[]>> = {
  'locks-tas': () => soloLocks(tasSpinLock),
  'locks-ticket': () => soloLocks(ticketSpinLock),
  'bio-off': () => soloBio(false),
  'bio-on': () => soloBio(true),
  'model-off': () => soloModel(false),
  'model-on': () => soloModel(true),
  'lockdep-cpu': soloLockdep,
  'lockdep-model': modelLockdep,
  'model-barrier-off': () => soloModel(false, 'rq-barrier-cut'),
  'model-barrier-on': () => soloModel(true, 'rq-barrier-cut'),
  'profile-counts': () => soloProfile('counts'),
  'profile-trace': () => soloProfile('trace'),
  'profile-exact': () => soloProfile('exact'),
  multipath: soloMultipath,
  schedules: soloSchedules,
  'search-walk': () => soloSearch({ strategy: 'walk', races: true }),
  'search-walk-no-races': () => soloSearch({ strategy: 'walk', races: false }),
  'search-pos': () => soloSearch({ strategy: 'pos', races: true }),
};

const measure = MEASUREMENTS[workerData as string];
if (measure === undefined) throw new Error(`there is no measurement ${workerData}`);
parentPort?.postMessage(measure());
