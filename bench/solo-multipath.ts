/**
 * What multipath costs on one CPU: a bio on a good path, a failover, and a bio that is pushed back and issued again.
 *
 * Both paths lead to immediate disks.
 */
import { BlockDevice } from '../src/block/block-device.ts';
import { addDisk, type Disk, declareMedia } from '../src/block/disk.ts';
import { removeOracles } from '../src/check/index.ts';
import { dmCreate, dmTableLoad, doResume, doSuspend } from '../src/core/ioctl.ts';
import type { MappedDevice } from '../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../src/core/suspend.ts';
import { dmTargetMessage } from '../src/core/target-message.ts';
import type { Kernel } from '../src/machine/kernel.ts';
import { settled } from '../src/scenarios/device.ts';
import { submitIo, type UserIo, waitIo } from '../src/scenarios/user-io.ts';
import { memory, perCpuBase, staticWords } from '../src/shared/memory.ts';
import { CPU_STEPS } from '../src/shared/per-cpu-layout.ts';
import { tasSpinLock } from '../src/shared/spinlock.ts';
import { type Cost, costOf } from './measure.ts';
import { inlineBios, SECTORS } from './programs/linear.ts';
import type { Row } from './row.ts';
import { solo } from './solo.ts';

/** Bios and failovers in a turn. */
const BIOS = 100;
const FAILOVERS = 10;
/** Bios that are pushed back together. */
const HELD = 16;

interface Bench {
  readonly md: MappedDevice;
  readonly bdev: BlockDevice;
  readonly disks: readonly [Disk, Disk];
}

const submit = (bdev: BlockDevice): Kernel<UserIo> => submitIo(bdev, { sector: 0, size: 1, flags: 0, stamp: 0 });
const tell = (md: MappedDevice, text: string): Kernel<number> => dmTargetMessage(md, 0, text);

/** `dm0` over `disk0` and `disk1`, up to where it maps bios directly. */
function* create(media: number): Kernel<Bench> {
  const plug = (minor: number): Kernel<Disk> =>
    addDisk({ name: `disk${minor}`, minor, sectors: SECTORS, mode: 'inline' }, media);
  const disks = [yield* plug(0), yield* plug(1)] as const;
  const md = yield* dmCreate({ name: 'dm0', minor: 0 });
  if (typeof md === 'number') throw new Error(`create gives ${md}`);
  yield* dmTableLoad(md, `0 ${SECTORS} multipath 1 queue_if_no_path 0 1 1 round-robin 0 2 0 disk0 disk1`);
  yield* doResume(md, 0);
  yield* settled(md);
  return { md, bdev: BlockDevice.at(md.bdev), disks };
}

/** The path that takes the bio fails under it, the other one takes it, and the first one is reinstated. */
function* failovers({ md, bdev, disks }: Bench, count: number): Kernel<void> {
  for (let i = 0; i < count; i++) {
    for (const disk of disks) yield* disk.failNext.set(1, HERE);
    const io = yield* submit(bdev);
    if (memory.words[io.done.word] !== 0) throw new Error('no path has failed');
    yield* disks[0].failNext.set(0, HERE);
    yield* disks[1].failNext.set(0, HERE);
    const { error } = yield* waitIo(io);
    if (error !== 0) throw new Error(`a bio ends with ${error}`);
    for (const which of [0, 1]) yield* tell(md, `reinstate_path disk${which}`);
  }
}

/** `count` bios wait in the target; a noflush suspend takes them back, and they go to the path that has returned. */
function* pushedBack({ md, bdev }: Bench, count: number): Kernel<void> {
  for (const which of [0, 1]) yield* tell(md, `fail_path disk${which}`);
  const ios: UserIo[] = [];
  for (let i = 0; i < count; i++) ios.push(yield* submit(bdev));
  const before = md.pushedBack.value;
  yield* doSuspend(md, DM_SUSPEND_NOFLUSH_FLAG);
  if (md.pushedBack.value - before !== count) throw new Error('a bio was not pushed back');
  for (const which of [0, 1]) yield* tell(md, `reinstate_path disk${which}`);
  yield* doResume(md, 0);
  for (const io of ios) yield* waitIo(io);
  yield* settled(md);
}

function rowsOf(what: string, { best, median, ns }: Cost): Row[] {
  return [
    { what, measured: best, median, unit: 'raw pairs' },
    { what: `${what}, time`, measured: ns, unit: 'ns' },
  ];
}

export function soloMultipath(): Row[] {
  const rows: Row[] = [];
  removeOracles();
  solo(tasSpinLock, () => {
    const media = declareMedia(SECTORS);
    const word = staticWords(1);
    return function* body(): Kernel<void> {
      const bench = yield* create(media);
      rows.push(
        ...rowsOf('one bio on a good path', yield* costOf(word, BIOS, (count) => inlineBios(bench.bdev, count))),
      );
      const steps = (): number => memory.words[perCpuBase(0) + CPU_STEPS] as number;
      const before = steps();
      yield* inlineBios(bench.bdev, BIOS);
      rows.push({ what: 'one bio on a good path, steps', measured: (steps() - before) / BIOS, unit: 'steps' });
      const failover = yield* costOf(word, FAILOVERS, (count) => failovers(bench, count));
      rows.push(...rowsOf('a bio whose path fails, on the other, and the path reinstated', failover));
      const reissue = yield* costOf(word, HELD, (count) => pushedBack(bench, count));
      rows.push(...rowsOf(`queued, pushed back and issued again, each of ${HELD} bios`, reissue));
    };
  });
  return rows;
}
