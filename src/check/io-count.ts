/**
 * I4 PENDING_EXACT, I5 IO_COUNT, while running: pending drops below 0, and a dm_io is freed while its clones are out.
 * That the counts are exact is checked at quiescence (quiescence.ts); that pending reaching 0 wakes who waits is I47.
 */
import { report } from '../machine/finding.ts';
import type { Site } from '../machine/site.ts';
import { memory } from '../shared/memory.ts';
import { IO_COUNT, MD_PENDING, mdName } from './words.ts';

/** An I/O is about to leave pending, in which it must still be counted. */
export function accountingEnds(md: number, site: Site): void {
  const pending = Atomics.load(memory.words, md + MD_PENDING);
  if (pending <= 0) report('assertion', 'I4', `pending of ${mdName(md)} drops to ${pending - 1}`, site);
}

export function ioFreed(io: number, site: Site): void {
  const count = memory.words[io + IO_COUNT] as number;
  if (count !== 0) report('assertion', 'I5', `a dm_io is freed while its io_count is ${count}`, site);
}
