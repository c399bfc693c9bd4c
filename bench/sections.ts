/**
 * The measurements by name: what `npm run bench -- NAME…` can be asked for.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { contendedLocks } from './contended.ts';
import { biosOnTwoCpus, suiteRounds, suspendCycles } from './machines.ts';
import { profiledRates, validatedRates } from './profiled.ts';
import { requestCosts } from './requests.ts';
import type { Row } from './row.ts';
import { promiseSteps, twoJobs } from './search.ts';

export interface Measurement {
  readonly name: string;
  readonly title: string;
  measure(): Promise<Row[]>;
}

/** Single-CPU measurements, each in a thread of its own. */
async function solo(...names: string[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const workerData of names) {
    const [measured] = (await once(
      new Worker(new URL('./solo.worker.js', import.meta.url), { workerData }),
      'message',
    )) as [Row[]];
    rows.push(...measured);
  }
  return rows;
}

export const measurements: readonly Measurement[] = [
  { name: 'locks', title: 'A lock pair, uncontended, one CPU', measure: () => solo('locks-tas', 'locks-ticket') },
  {
    name: 'bio',
    title: 'One bio through linear to an immediate disk',
    measure: async () => [...(await solo('bio-off', 'bio-on')), ...(await biosOnTwoCpus())],
  },
  { name: 'contended-2', title: 'Contended locks on two CPUs', measure: () => contendedLocks(2) },
  { name: 'contended-4', title: 'Contended locks on four CPUs', measure: () => contendedLocks(4) },
  { name: 'multipath', title: 'Multipath over immediate disks, one CPU', measure: () => solo('multipath') },
  {
    name: 'request',
    title: 'Requests and barriers over an immediate disk with a cache, one CPU',
    measure: async () => [...(await requestCosts()), ...(await solo('model-barrier-on', 'model-barrier-off'))],
  },
  { name: 'suspend', title: 'Suspend and resume', measure: suspendCycles },
  {
    name: 'profile',
    title: 'What the profiler changes',
    measure: async () => [
      ...(await solo('profile-counts', 'profile-trace', 'profile-exact')),
      ...(await profiledRates()),
    ],
  },
  {
    name: 'lockdep',
    title: 'What the lock validator changes',
    measure: async () => [
      ...(await solo('lockdep-cpu')),
      ...(await validatedRates()),
      ...(await solo('lockdep-model')),
    ],
  },
  { name: 'rounds', title: 'Rounds of the stress suites, oracles on', measure: suiteRounds },
  {
    name: 'search',
    title: 'Searching, oracles on',
    measure: async () => [
      ...(await solo('search-walk', 'search-walk-no-races', 'search-pos')),
      ...(await twoJobs()),
      ...(await promiseSteps()),
    ],
  },
  { name: 'schedules', title: 'Replay and shrinking', measure: () => solo('schedules') },
  { name: 'model', title: 'The model machine', measure: () => solo('model-on', 'model-off') },
];
