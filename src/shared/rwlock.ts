/**
 * Reader-writer spinlocks, reader-preferring as in 2.6.20: a reader never waits for a waiting writer, so a recursive read
 * is safe and a writer can starve.
 *
 *   word 0   readers inside; a writer inside is −(CPU + 1)
 *   word 1   one bit for each CPU that waits (machine)
 */
import { report } from '../machine/finding.ts';
import { type Kernel, RING_ALL } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { memory, staticWords } from './memory.ts';
import { cpu, cpuBase, irqsDisabled } from './per-cpu.ts';
import { CPU_PREEMPT } from './per-cpu-layout.ts';
import { embed } from './struct.ts';
import { nameWord, wordName } from './struct-registry.ts';

export const RWLOCK_WORDS = 2;

export class RwLock {
  declare readonly word: number;
  constructor(word: number) {
    this.word = word;
  }
}

export const rwLockField = embed(RWLOCK_WORDS, (word) => new RwLock(word), 'rwlock');

export function declareRwLock(name: string): RwLock {
  const word = staticWords(RWLOCK_WORDS);
  nameWord(word, name, 'rwlock');
  return new RwLock(word);
}

export function readLock(lock: RwLock, site: Site): Kernel<void> {
  (memory.words[cpuBase + CPU_PREEMPT] as number)++;
  return ops.takeShared(lock.word, -(cpu + 1), site);
}

export function readUnlock(lock: RwLock, site: Site): Kernel<void> {
  const w = memory.words;
  if ((w[lock.word] as number) <= 0)
    report(
      'assertion',
      'I18',
      `CPU ${cpu} releases a read hold of ${wordName(lock.word)}, which no reader holds`,
      site,
    );
  (w[cpuBase + CPU_PREEMPT] as number)--;
  return ops.giveShared(lock.word, site);
}

export function writeLock(lock: RwLock, site: Site): Kernel<void> {
  (memory.words[cpuBase + CPU_PREEMPT] as number)++;
  return ops.take(lock.word, -(cpu + 1), site);
}

export function writeUnlock(lock: RwLock, site: Site): Kernel<void> {
  const w = memory.words;
  if (w[lock.word] !== -(cpu + 1))
    report(
      'assertion',
      'I18',
      `CPU ${cpu} releases the write hold of ${wordName(lock.word)}, which it does not have`,
      site,
    );
  (w[cpuBase + CPU_PREEMPT] as number)--;
  return ops.give(lock.word, 0, RING_ALL, site);
}

/** Takes the lock for reading with interrupts off; gives the state to hand to readUnlockIrqrestore. */
export function* readLockIrqsave(lock: RwLock, site: Site): Kernel<number> {
  const saved = yield* ops.irqOff(site);
  yield* readLock(lock, site);
  return saved;
}

export function* readUnlockIrqrestore(lock: RwLock, saved: number, site: Site): Kernel<void> {
  checkIrqsOff(lock, site);
  yield* readUnlock(lock, site);
  yield* ops.irqOn(saved, site);
}

/** Takes the lock for writing with interrupts off; gives the state to hand to writeUnlockIrqrestore. */
export function writeLockIrqsave(lock: RwLock, site: Site): Kernel<number> {
  (memory.words[cpuBase + CPU_PREEMPT] as number)++;
  return ops.takeIrqsave(lock.word, -(cpu + 1), site);
}

export function* writeUnlockIrqrestore(lock: RwLock, saved: number, site: Site): Kernel<void> {
  checkIrqsOff(lock, site);
  yield* writeUnlock(lock, site);
  yield* ops.irqOn(saved, site);
}

function checkIrqsOff(lock: RwLock, site: Site): void {
  if (irqsDisabled()) return;
  report(
    'irq-unsafe',
    'I17',
    `CPU ${cpu} restores interrupts with ${wordName(lock.word)}, but they are already on`,
    site,
  );
}
