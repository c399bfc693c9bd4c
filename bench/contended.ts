/**
 * Locks that several CPUs want all the time, beside as many threads that do raw pairs on one word.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { medianOf } from './measure.ts';
import type { ContendedOrder } from './programs/contended.ts';
import type { RawPairs } from './raw-pairs.worker.ts';
import { onMachine } from './real.ts';
import type { Row } from './row.ts';

const REPEATS = 5;
const WINDOW_US = 200_000;

/** Pairs a second of all threads together. */
async function rawRate(threads: number): Promise<number> {
  const order: RawPairs = { words: new Int32Array(new SharedArrayBuffer(128)), threads, us: WINDOW_US };
  const url = new URL('./raw-pairs.worker.js', import.meta.url);
  const rates = Array.from({ length: threads }, async () => {
    const [rate] = (await once(new Worker(url, { workerData: order }), 'message')) as [number];
    return rate;
  });
  return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
}

interface Contest {
  readonly what: string;
  readonly spinLock: 'tas' | 'ticket';
  readonly lock: ContendedOrder['lock'];
  readonly readsOfTen: number;
}

const CONTESTS: readonly Contest[] = [
  { what: 'spinlock tas', spinLock: 'tas', lock: 'spinlock', readsOfTen: 0 },
  { what: 'spinlock ticket', spinLock: 'ticket', lock: 'spinlock', readsOfTen: 0 },
  { what: 'rw_semaphore, reads', spinLock: 'tas', lock: 'rw_semaphore', readsOfTen: 10 },
  { what: 'rw_semaphore, writes', spinLock: 'tas', lock: 'rw_semaphore', readsOfTen: 0 },
  { what: 'rw_semaphore, 9 reads to 1 write', spinLock: 'tas', lock: 'rw_semaphore', readsOfTen: 9 },
];

/** Rates of a lock and of raw pairs, in alternation. */
async function contest(
  cpus: number,
  { spinLock, lock, readsOfTen }: Contest,
): Promise<{ own: number[]; raw: number[] }> {
  const own: number[] = [];
  const raw: number[] = [];
  const run = { program: 'contended', lock, readsOfTen, cpus, us: WINDOW_US } as const;
  await onMachine(cpus, async (round) => {
    await round({ spinLock, run });
    for (let i = 0; i < REPEATS; i++) {
      raw.push(await rawRate(cpus));
      own.push((await round({ spinLock, run }))['rate'] as number);
    }
  });
  return { own, raw };
}

export async function contendedLocks(cpus: number): Promise<Row[]> {
  const rows: Row[] = [];
  const allRaw: number[] = [];
  for (const each of CONTESTS) {
    const { own, raw } = await contest(cpus, each);
    allRaw.push(...raw);
    const ratios = own.map((rate, i) => rate / (raw[i] as number));
    const what = `${each.what}, ${cpus} CPUs`;
    rows.push({ what, measured: Math.max(...own), median: medianOf(own), unit: 'pairs/s' });
    rows.push({
      what: `${what}, against raw`,
      measured: Math.max(...own) / Math.max(...raw),
      median: medianOf(ratios),
      unit: 'of the raw rate',
    });
  }
  const what = `raw pairs on one word, ${cpus} threads`;
  return [{ what, measured: Math.max(...allRaw), median: medianOf(allRaw), unit: 'pairs/s' }, ...rows];
}
