/**
 * Devices and submitters of the benchmarks: linear over a disk, and bios one after the other.
 */
import { bioAlloc, bioPut, endIos, REQ_WRITE } from '../../src/block/bio.ts';
import type { BlockDevice } from '../../src/block/block-device.ts';
import { addDisk, type DiskMode } from '../../src/block/disk.ts';
import { genericMakeRequest } from '../../src/block/submit.ts';
import { dmCreate, dmTableLoad, doResume } from '../../src/core/ioctl.ts';
import type { MappedDevice } from '../../src/core/mapped-device.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { settled } from '../../src/scenarios/device.ts';

/** Sectors of a disk. */
export const SECTORS = 8;

/** Device `dm<number>`, linear over `disk<number>`, up to where it maps bios directly. `media`: SECTORS words; `cpu`: kdmflush's. */
export function* createLinear(number: number, mode: DiskMode, media: number, cpu = 0): Kernel<MappedDevice> {
  yield* addDisk({ name: `disk${number}`, minor: number, sectors: SECTORS, mode }, media);
  const md = yield* dmCreate({ name: `dm${number}`, minor: number, cpu });
  if (typeof md === 'number') throw new Error(`create gives ${md}`);
  yield* dmTableLoad(md, `0 ${SECTORS} linear disk${number} 0`);
  yield* doResume(md, 0);
  yield* settled(md);
  return md;
}

const BENCH_ENDIO = endIos.define('bench_endio', (bio) => bioPut(bio, HERE));

/** One bio after the other: allocate, submit, end. For an immediate disk: each has ended when its submission returns. */
export function* inlineBios(bdev: BlockDevice, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) {
    const bio = bioAlloc();
    if (bio === null) throw new Error('a bio did not come back');
    bio.sector = i & (SECTORS - 1);
    bio.size = 1;
    bio.bioFlags = REQ_WRITE;
    bio.bdev = bdev.handle;
    bio.endIo = BENCH_ENDIO;
    yield* genericMakeRequest(bio);
  }
}
