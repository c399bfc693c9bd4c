/**
 * What a row of the lock table is called, and how its sampled times are marked.
 */
import type { LockStat } from './report.ts';

/** Where a class has readers, `-R` and `-W` tell them apart, as in /proc/lock_stat. */
export function lockLabel(lock: LockStat, all: readonly LockStat[]): string {
  const shared = all.some((each) => each.class === lock.class && each.type === lock.type && each.mode === 'read');
  const suffix = shared ? (lock.mode === 'read' ? '-R' : '-W') : '';
  return `${lock.class}${suffix}${lock.of === '' ? '' : ` ${lock.of}`}`;
}

/** Stands before what is said of all holds although only some were timed. */
export const holdMark = ({ sampled, holdNs }: LockStat): string => (sampled && holdNs.timed > 0 ? '~' : '');
