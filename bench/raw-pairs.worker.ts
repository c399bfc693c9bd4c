/**
 * A thread that does raw pairs on a word that other threads want too: what the contended locks are held against.
 */
import { parentPort, workerData } from 'node:worker_threads';

export interface RawPairs {
  /** Word 0: the lock. Word 16: threads that have arrived. */
  readonly words: Int32Array;
  readonly threads: number;
  readonly us: number;
}

const LOCK = 0;
const ARRIVED = 16;
const BATCH = 64;

function pairsPerSecond({ words, threads, us }: RawPairs): number {
  Atomics.add(words, ARRIVED, 1);
  while (Atomics.load(words, ARRIVED) < threads);
  const begin = performance.now();
  let end = begin;
  let count = 0;
  while (end - begin < us / 1000) {
    for (let i = 0; i < BATCH; i++) {
      while (Atomics.compareExchange(words, LOCK, 0, 1) !== 0);
      Atomics.store(words, LOCK, 0);
    }
    count += BATCH;
    end = performance.now();
  }
  return (count * 1000) / (end - begin);
}

parentPort?.postMessage(pairsPerSecond(workerData as RawPairs));
