/**
 * A multipath device over two disks that stand for two paths, and what tests say to it.
 *
 * The disks have media of their own, so that a test sees which path an I/O took. `broken` of a path makes everything that goes
 * down it fail.
 */
import assert from 'node:assert/strict';
import type { Disk, DiskMode } from '../../../src/block/disk.ts';
import { dmTableStatus } from '../../../src/core/ioctl.ts';
import type { MappedDevice } from '../../../src/core/mapped-device.ts';
import { dmTargetMessage } from '../../../src/core/target-message.ts';
import { usleep } from '../../../src/irq/timer.ts';
import { flushWorkqueue } from '../../../src/irq/workqueue.ts';
import { errnoText } from '../../../src/machine/errno.ts';
import type { Kernel } from '../../../src/machine/kernel.ts';
import { kmultipathd } from '../../../src/targets/multipath/kmultipathd.ts';
import { Multipath } from '../../../src/targets/multipath/multipath.ts';
import { targetOf, type World } from '../../support/kernel.ts';

/** More failures than a test has I/Os. */
const FOR_EVER = 1000;

export interface Paths {
  readonly md: MappedDevice;
  readonly disks: readonly [Disk, Disk];
}

/** Groups of a table line: two paths in one group, or each in a group of its own. */
export const ONE_GROUP = '1 1 round-robin 0 2 1 disk0 1 disk1 1';
export const TWO_GROUPS = '2 1 round-robin 0 1 1 disk0 1 round-robin 0 1 1 disk1 1';
export const QUEUEING = '1 queue_if_no_path 0';

/** `dm0`: one multipath target of eight sectors. */
export function* pathsOf(world: World, words: string, mode: DiskMode = 'inline'): Kernel<Paths> {
  const disks = [yield* world.disk({ mode, anyCpu: true }), yield* world.disk({ mode, anyCpu: true })] as const;
  return { md: yield* world.device(`0 8 multipath ${words}`), disks };
}

export const multipathOf = (md: MappedDevice, index = 0): Multipath => Multipath.at(targetOf(md, index).private);

/** Sends a message that must be taken. */
export function* tell(md: MappedDevice, text: string, sector = 0): Kernel<void> {
  assert.equal(errnoText(yield* dmTargetMessage(md, sector, text)), '0', text);
}

/** Waits for a condition that kmultipathd makes true, which may be a task of this CPU: so it sleeps between two looks. */
export function* untilServed(condition: () => boolean): Kernel<void> {
  while (!condition()) yield* usleep(10, HERE);
}

/** kmultipathd has looked at all that it was told to look at. What is queued then stays until something happens. */
export function rested(): Kernel<void> {
  return flushWorkqueue(kmultipathd(), HERE);
}

/** All that goes down the path fails, or all goes well again. */
export function breakPath(disk: Disk, broken = true): Kernel<void> {
  return disk.failNext.set(broken ? FOR_EVER : 0, HERE);
}

/** The status line behind the name of the target. */
export function* status(md: MappedDevice): Kernel<string> {
  return (yield* dmTableStatus(md, true)).replace(/^\d+ \d+ multipath /, '');
}

/** The table line behind the name of the target. */
export function* table(md: MappedDevice): Kernel<string> {
  return (yield* dmTableStatus(md, false)).replace(/^\d+ \d+ multipath /, '');
}
