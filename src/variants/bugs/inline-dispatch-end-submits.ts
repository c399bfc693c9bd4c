/**
 * Resume maps what was deferred itself, with io_lock held for writing, and the end of a bio submits the next one to the same device.
 *
 *   CPU0 dmResume
 *   down_write(io_lock)
 *   maps W1: the target ends it at once
 *     its end submits W2: down_read(io_lock)
 *
 * Shows in every run in which the first bio is deferred. The mechanism is that of deferred-flush-under-io-lock.ts.
 */
import type { Bug } from '../bug.ts';
import { deferredFlushUnderIoLock } from './deferred-flush-under-io-lock.ts';

export const inlineDispatchEndSubmits: Bug = {
  id: 'inline-dispatch-end-submits',
  title: 'The end of a bio that resume maps under io_lock submits another one',
  commit: '304f3f6a5830',
  seed: '000',
  preset: 'unified',
  swaps: deferredFlushUnderIoLock.swaps,
  scenario: 'end-submits',
  suite: null,
  model: { kind: 'self-deadlock', invariants: ['I48'] },
  real: null,
};
