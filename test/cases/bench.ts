/**
 * What the programs of the cases work with: two disks, one mapped device, I/O by number. All of it lies in shared memory.
 */
import { isDeepStrictEqual } from 'node:util';
import { REQ_WRITE } from '../../src/block/bio.ts';
import { BlockDevice } from '../../src/block/block-device.ts';
import { addDisk, Disk, type DiskOptions, declareMedia } from '../../src/block/disk.ts';
import { mountBdev, SuperBlock } from '../../src/block/file-system.ts';
import { addRequestDisk, cacheOf, RequestDisk, type RequestDiskOptions } from '../../src/block/request-disk.ts';
import { declareCachedMedia, type WriteCache } from '../../src/block/write-cache.ts';
import { dmCreate, dmTableLoad, doResume } from '../../src/core/ioctl.ts';
import { MappedDevice, SUSPEND_PHASES, type SuspendPhase } from '../../src/core/mapped-device.ts';
import { dmTargetMessage } from '../../src/core/target-message.ts';
import { usleep } from '../../src/irq/timer.ts';
import { errnoText } from '../../src/machine/errno.ts';
import { report } from '../../src/machine/finding.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import type { Actor } from '../../src/machine/machine.ts';
import { settled } from '../../src/scenarios/device.ts';
import { SignalTarget } from '../../src/scenarios/signal-target.ts';
import { submitIo, UserIo, waitIo } from '../../src/scenarios/user-io.ts';
import { type Completion, complete, declareCompletion, waitForCompletion } from '../../src/shared/completion.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { CASE_CPUS } from './case.ts';

const DISKS = 2;
const DISK_SECTORS = 16;
const IOS_MAX = 8;
const RESULTS = 4;
/** Static words that a case may declare, its bench included. */
export const CASE_WORDS = 640;
/** Slots that a case may need beside those that are there anyway: two disks and two devices with request queues. */
export const CASE_SLOTS = { request: 48, 'request-queue': 4, 'request-disk': 2, 'dm-rq-target-io': 8 } as const;
/** A result that is not there yet. */
const NONE = 1;

/** Ends the run with a finding unless both are the same. */
export function expect(what: string, actual: unknown, wanted: unknown): void {
  if (!isDeepStrictEqual(actual, wanted))
    report('assertion', '', `${what}: ${JSON.stringify(actual)}, not ${JSON.stringify(wanted)}`);
}

export const actor = (name: string, cpu: number, run: () => Kernel<void>): Actor => ({ name, cpu, run });

/** Something happens once, and others wait for it; `tasks` of them at most. */
export class Moment {
  readonly #done: Completion;

  constructor(name: string) {
    this.#done = declareCompletion(`&case.${name}`);
  }

  come(): Kernel<void> {
    return complete(this.#done, HERE);
  }

  /** One task for each `come`. */
  wait(): Kernel<void> {
    return waitForCompletion(this.#done, HERE);
  }
}

/** Its target does what the case says. */
export const SCRIPTED = '0 8 scripted disk0 0 0';

export class Bench {
  /** Who suspends can be signalled. */
  readonly suspender = new SignalTarget();
  readonly #media = Array.from({ length: DISKS }, () => declareMedia(DISK_SECTORS));
  readonly #cached = declareCachedMedia(DISK_SECTORS);
  readonly #disks = staticWords(DISKS);
  readonly #device = staticWords(1);
  readonly #sb = staticWords(1);
  readonly #ios = staticWords(IOS_MAX);
  readonly #results = staticWords(RESULTS);

  /** Plugs in `disk0` or `disk1`; `media`: whose sectors it has, for two paths to one storage. In `setup`. */
  *disk(minor: number, options: Partial<DiskOptions> = {}, media = minor): Kernel<void> {
    const all: DiskOptions = {
      name: `disk${minor}`,
      minor,
      sectors: DISK_SECTORS,
      mode: 'hardirq',
      anyCpu: true,
      ...options,
    };
    const disk = yield* addDisk(all, this.#media[media] as number);
    memory.words[this.#disks + minor] = disk.handle;
  }

  /** Plugs in `disk0` with a request queue and a volatile cache, or another path to the same storage. In `setup`. */
  *requestDisk(options: Partial<RequestDiskOptions> = {}): Kernel<void> {
    const all = {
      name: 'disk0',
      minor: 0,
      sectors: DISK_SECTORS,
      mode: 'hardirqDirect',
      anyCpu: true,
      ...options,
    } as const;
    memory.words[this.#disks + all.minor] = (yield* addRequestDisk(all, this.#cached)).handle;
  }

  requestDiskAt(minor: number): RequestDisk {
    return RequestDisk.at(memory.words[this.#disks + minor] as number);
  }

  /** What that storage has on its media, and what it would lose. */
  get cache(): WriteCache {
    return cacheOf(this.requestDiskAt(0));
  }

  diskAt(minor: number): Disk {
    return Disk.at(memory.words[this.#disks + minor] as number);
  }

  /** What sectors of a disk hold. */
  stored(minor: number, ...sectors: number[]): number[] {
    return sectors.map((sector) => memory.words[this.diskAt(minor).media + sector] as number);
  }

  /** What a sector of a disk holds before I/O comes. In `setup`. */
  store(minor: number, sector: number, value: number): void {
    memory.words[this.diskAt(minor).media + sector] = value;
  }

  /** `dm0` with a live table; I/O goes straight to the target. In `setup`. */
  *device(table: string, requestBased = false): Kernel<void> {
    for (let i = 0; i < RESULTS; i++) memory.words[this.#results + i] = NONE;
    // Not where setup and verify run, so that kdmflush races with them.
    const created = yield* dmCreate({ name: 'dm0', minor: 0, cpu: CASE_CPUS - 1, requestBased });
    if (typeof created === 'number') report('assertion', '', `create gives ${errnoText(created)}`);
    memory.words[this.#device] = created.handle;
    yield* this.load(table);
    expect('the first resume', errnoText(yield* doResume(created, 0)), '0');
    yield* this.settle();
  }

  /** A disk for requests under `dm0`, which is request-based too, and whose target does what the case says. In `setup`. */
  *scripted(): Kernel<void> {
    yield* this.requestDisk();
    yield* this.device(SCRIPTED, true);
  }

  get md(): MappedDevice {
    return MappedDevice.at(memory.words[this.#device] as number);
  }

  get bdev(): BlockDevice {
    return BlockDevice.at(this.md.bdev);
  }

  *load(table: string): Kernel<void> {
    expect(`load ${table}`, errnoText(yield* dmTableLoad(this.md, table)), '0');
  }

  /** A message that must be taken. */
  *tell(text: string, sector = 0): Kernel<void> {
    expect(text, errnoText(yield* dmTargetMessage(this.md, sector, text)), '0');
  }

  /** kdmflush has mapped all that was deferred before. */
  settle(): Kernel<void> {
    return settled(this.md);
  }

  *mount(): Kernel<SuperBlock> {
    const mounted = yield* mountBdev('dm0');
    if (typeof mounted === 'number') report('assertion', '', `mount gives ${errnoText(mounted)}`);
    memory.words[this.#sb] = mounted.handle;
    return mounted;
  }

  get sb(): SuperBlock {
    return SuperBlock.at(memory.words[this.#sb] as number);
  }

  /** Submits a write as I/O number `io`; its sectors get `stamp`, `stamp` + 1, … */
  *write(io: number, sector: number, size: number, stamp: number, flags = 0, to = this.bdev): Kernel<void> {
    memory.words[this.#ios + io] = (yield* submitIo(to, { sector, size, flags: REQ_WRITE | flags, stamp })).handle;
  }

  *read(io: number, sector: number): Kernel<void> {
    const request = { sector, size: 1, flags: 0, stamp: 0 };
    memory.words[this.#ios + io] = (yield* submitIo(this.bdev, request)).handle;
  }

  #io(io: number): UserIo {
    return UserIo.at(memory.words[this.#ios + io] as number);
  }

  /** Which of the I/Os that were submitted have ended. */
  ended(...ios: number[]): boolean[] {
    return ios.map((io) => memory.words[this.#io(io).done.word] !== 0);
  }

  /** Waits for the ends of I/Os, once for each; gives `0` or `-EIO` for each. */
  *ends(...ios: number[]): Kernel<string[]> {
    const said: string[] = [];
    for (const io of ios) said.push(errnoText((yield* waitIo(this.#io(io))).error));
    return said;
  }

  /** Waits for the end of a read; gives its error and what it read. */
  *readEnd(io: number): Kernel<[string, number]> {
    const { error, value } = yield* waitIo(this.#io(io));
    return [errnoText(error), value];
  }

  /** Keeps what a verb said, for another task to look at. */
  say(place: number, result: number): void {
    memory.words[this.#results + place] = result;
  }

  /** What was said, `none` before that. */
  said(place: number): string {
    const result = memory.words[this.#results + place] as number;
    return result === NONE ? 'none' : errnoText(result);
  }

  /** Waits for what nobody announces. Sleeps between two looks, since a thread of this CPU may be who brings it about. */
  *until(condition: () => boolean): Kernel<void> {
    while (!condition()) yield* this.pause();
  }

  /** Others have the CPU for a moment. */
  pause(): Kernel<void> {
    return usleep(10, HERE);
  }

  /** Waits until the suspend under way is in this phase. */
  untilPhase(...phases: readonly SuspendPhase[]): Kernel<void> {
    return this.until(() => phases.includes(SUSPEND_PHASES[this.md.phase.value] as SuspendPhase));
  }
}
