/**
 * Disks of both kinds, for rounds that are made of either: those that take bios, and those with a request queue and a volatile cache.
 */
import { addDisk, DISK_MODES, Disk, type DiskMode, type DiskOptions, declareMedia } from '../block/disk.ts';
import {
  addRequestDisk,
  cacheOf,
  REQUEST_DISK_MODES,
  RequestDisk,
  type RequestDiskMode,
} from '../block/request-disk.ts';
import { cachedMediaWords, declareCachedMedia } from '../block/write-cache.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import { memory } from '../shared/memory.ts';

export type AnyDiskMode = DiskMode | RequestDiskMode;
export type AnyDisk = Disk | RequestDisk;

export interface AnyDiskOptions extends Omit<DiskOptions, 'mode'> {
  readonly mode: AnyDiskMode;
  /** With a request queue only. */
  readonly saysBusy?: boolean;
}

/** A kind of disk. */
export interface DiskKind {
  readonly mediaWords: (sectors: number) => number;
  readonly declareMedia: (sectors: number) => number;
  readonly add: (options: AnyDiskOptions, media: number) => Kernel<AnyDisk>;
  readonly at: (handle: number) => AnyDisk;
  /** So many I/Os, and flushes, fail from now on. */
  readonly fail: (disk: AnyDisk, ios: number) => Kernel<void>;
  /** What a sector has. */
  readonly content: (disk: AnyDisk, sector: number) => number;
}

function modeOf<M extends string>(modes: readonly M[], mode: string): M {
  const found = modes.find((each) => each === mode);
  if (found === undefined) report('assertion', '', `a disk of this kind has no mode ${mode}`);
  return found;
}

export const BIO_DISKS: DiskKind = {
  mediaWords: (sectors) => sectors,
  declareMedia,
  add: (options, media) => addDisk({ ...options, mode: modeOf(DISK_MODES, options.mode) }, media),
  at: (handle) => Disk.at(handle),
  fail: (disk, ios) => disk.failNext.set(ios, HERE),
  content: (disk, sector) => memory.words[disk.media + sector] as number,
};

export const REQUEST_DISKS: DiskKind = {
  mediaWords: cachedMediaWords,
  declareMedia: declareCachedMedia,
  add: (options, media) => addRequestDisk({ ...options, mode: modeOf(REQUEST_DISK_MODES, options.mode) }, media),
  at: (handle) => RequestDisk.at(handle),
  *fail(disk, ios): Kernel<void> {
    yield* disk.failNext.set(ios, HERE);
    if ('failFlush' in disk) yield* disk.failFlush.set(ios, HERE);
  },
  content: (disk, sector) => cacheOf(disk as RequestDisk).read(sector),
};
