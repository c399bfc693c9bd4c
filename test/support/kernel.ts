/**
 * Kernel code under test: a body that runs as a task on the model machine, with all oracles, under many schedules.
 *
 * The body asserts with node:assert; what it throws ends the test. A World is made anew for each run, so tests may keep what
 * they see in plain variables.
 */
import assert from 'node:assert/strict';
import { test } from 'tap';
import { type Bio, bioEndio, REQ_WRITE } from '../../src/block/bio.ts';
import { BlockDevice } from '../../src/block/block-device.ts';
import { addDisk, type Disk, type DiskOptions, declareMedia } from '../../src/block/disk.ts';
import { addRequestDisk, type RequestDisk, type RequestDiskOptions } from '../../src/block/request-disk.ts';
import { bindSubmitEngine } from '../../src/block/submit.ts';
import { declareCachedMedia } from '../../src/block/write-cache.ts';
import {
  checkClosed,
  checkQuiescence,
  checkStuck,
  oracles as oracleListeners,
  wakersOf,
} from '../../src/check/index.ts';
import { DM_MAPIO_SUBMITTED, type DmTarget } from '../../src/core/device-mapper.ts';
import { DmTable, dmTableTarget } from '../../src/core/dm-table.ts';
import { dmCreate, dmTableLoad, doResume } from '../../src/core/ioctl.ts';
import type { MappedDevice } from '../../src/core/mapped-device.ts';
import { bindSeams, type Seams } from '../../src/core/seams.ts';
import { type ExploreResult, explore } from '../../src/explore/explore.ts';
import { Walk } from '../../src/explore/strategies/walk.ts';
import { errnoText } from '../../src/machine/errno.ts';
import { bindListeners } from '../../src/machine/events.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { bindKernelLog } from '../../src/machine/log.ts';
import { ops } from '../../src/machine/operations.ts';
import { settled } from '../../src/scenarios/device.ts';
import { submitIo, type UserIo, waitIo } from '../../src/scenarios/user-io.ts';
import { type Completion, complete, declareCompletion, waitForCompletion } from '../../src/shared/completion.ts';
import { Lockdep } from '../../src/shared/lockdep/lockdep.ts';
import { memory } from '../../src/shared/memory.ts';
import { programs, spawn, type Task } from '../../src/shared/task.ts';
import { bindScripts, type Script } from '../../src/targets/scripted.ts';
import { presets } from '../../src/variants/presets.ts';
import '../../src/targets/all.ts';
import { type ExpectedFinding, expectClean, expectFinding } from './model.ts';
import { declareMissing, WITHOUT_LOCK_WORDS, withoutLocks } from './without-lock.ts';

const SEED = 1;
const DISKS_MAX = 2;
/** Sectors of each disk. */
export const DISK_SECTORS = 16;
const JOINS_MAX = 6;
const STATIC_WORDS = 384;

export interface KernelOptions {
  /** Schedules; each has a seed of its own. */
  readonly runs?: number;
  readonly cpus?: number;
  readonly slots?: Readonly<Record<string, number>>;
  readonly stepLimit?: number;
  /** Off for bodies that break a rule of targets on purpose. */
  readonly oracles?: boolean;
  /** Default unified. */
  readonly preset?: string;
  readonly swaps?: Partial<Seams>;
  /** Whether the lock validator listens; default: yes. */
  readonly lockdep?: boolean;
  /** The race detector is on, and these locks are missing. */
  readonly missing?: readonly string[];
  /** What must be found; nothing by default. */
  readonly finding?: ExpectedFinding;
}

/** What is declared once for all runs. */
interface Declared {
  readonly media: readonly number[];
  readonly cachedMedia: readonly number[];
  readonly joins: readonly { readonly done: Completion; readonly seen: Completion }[];
}

/** A task that was started. It lives until it is joined, so it can be signalled; each must be joined. */
export interface Started {
  readonly task: Task;
  join(): Kernel<void>;
}

let tasks: (() => Kernel<void>)[] = [];
const TEST_TASK = programs.define('test_task', (arg) => (tasks[arg] as () => Kernel<void>)());

export class World {
  /** Lines of the kernel log, oldest first. */
  readonly log: string[] = [];
  /** What the run is said to have ended with; runs are counted by it. */
  outcome = '';
  /** Number of the run. */
  readonly run: number;
  readonly #declared: Declared;
  readonly #scripts: Script[] = [];
  #disks = 0;
  #devices = 0;

  constructor(declared: Declared, run: number) {
    this.run = run;
    this.#declared = declared;
    tasks = [];
    bindScripts(this.#scripts);
    bindKernelLog((line) => this.log.push(line));
  }

  /** `disk0`, then `disk1`, of DISK_SECTORS sectors. */
  disk(options: Partial<DiskOptions> = {}): Kernel<Disk> {
    const minor = this.#disks++;
    const media = this.#declared.media[minor] as number;
    return addDisk({ name: `disk${minor}`, minor, sectors: DISK_SECTORS, mode: 'inline', ...options }, media);
  }

  /** The same with a request queue; the test needs REQUEST_SLOTS. */
  requestDisk(options: Partial<RequestDiskOptions> = {}): Kernel<RequestDisk> {
    const minor = this.#disks++;
    const media = this.#declared.cachedMedia[minor] as number;
    return addRequestDisk({ name: `disk${minor}`, minor, sectors: DISK_SECTORS, mode: 'inline', ...options }, media);
  }

  /** `dm0`, then `dm1`, without a table. */
  *create(requestBased = false): Kernel<MappedDevice> {
    const minor = this.#devices++;
    const md = yield* dmCreate({ name: `dm${minor}`, minor, requestBased });
    assert(typeof md !== 'number', 'dmCreate fails');
    return md;
  }

  /** The same with a live table, when nothing goes through kdmflush any more. */
  *device(table: string, requestBased = false): Kernel<MappedDevice> {
    const md = yield* this.create(requestBased);
    yield* load(md, table);
    assert.equal(errnoText(yield* doResume(md, 0)), '0');
    yield* settled(md);
    return md;
  }

  /** Adds a script; gives the number by which table lines name it. */
  script(script: Script): number {
    return this.#scripts.push(script) - 1;
  }

  /** Starts a task. */
  start(cpu: number, run: () => Kernel<void>): Started {
    const number = tasks.length;
    const ends = this.#declared.joins[number];
    assert(ends !== undefined, `more than ${JOINS_MAX} tasks`);
    tasks.push(function* whole(): Kernel<void> {
      yield* run();
      yield* complete(ends.done, HERE);
      yield* waitForCompletion(ends.seen, HERE);
    });
    return {
      task: spawn(cpu, TEST_TASK, number),
      *join(): Kernel<void> {
        yield* waitForCompletion(ends.done, HERE);
        yield* complete(ends.seen, HERE);
      },
    };
  }
}

/** A script that keeps what it is asked to map until `release`. */
export class Holding implements Script {
  readonly held: Bio[] = [];

  map(_ti: DmTarget, clone: Bio): Kernel<number> {
    this.held.push(clone);
    return resolved(DM_MAPIO_SUBMITTED);
  }

  /** Ends all that it keeps, oldest first. */
  *release(error = 0): Kernel<void> {
    for (const clone of this.held.splice(0)) yield* bioEndio(clone, error);
  }
}

/** Loads a table that must be good. */
export function* load(md: MappedDevice, table: string): Kernel<void> {
  assert.equal(errnoText(yield* dmTableLoad(md, table)), '0');
}

/** The block device of a mapped device or of a disk. */
export const bdevOf = ({ bdev }: MappedDevice | Disk | RequestDisk): BlockDevice => BlockDevice.at(bdev);

/** A target of the live table. */
export const targetOf = (md: MappedDevice, index = 0): DmTarget => dmTableTarget(DmTable.at(md.map), index);

/** Submits a write whose sectors get `stamp`, `stamp` + 1, … */
export function write(md: MappedDevice, sector: number, size = 1, stamp = 100): Kernel<UserIo> {
  return submitIo(bdevOf(md), { sector, size, flags: REQ_WRITE, stamp });
}

/** Submits a read. */
export function read(md: MappedDevice, sector: number, size = 1, flags = 0): Kernel<UserIo> {
  return submitIo(bdevOf(md), { sector, size, flags, stamp: 0 });
}

/** Waits for the end of an I/O; gives `0` or `-EIO`. */
export function* endOf(io: UserIo): Kernel<string> {
  return errnoText((yield* waitIo(io)).error);
}

/** Whether an I/O has ended. */
export const hasEnded = (io: UserIo): boolean => memory.words[io.done.word] !== 0;

/** What is stored in a sector. */
export const stored = (disk: Disk, sector: number): number => memory.words[disk.media + sector] as number;

/** Waits for a condition that no one announces, and that a task of another CPU makes true. */
export function* until(condition: () => boolean): Kernel<void> {
  while (!condition()) yield* ops.relax(HERE);
}

/** The same for a condition that has to be asked for. */
export function* untilAsked(question: () => Kernel<boolean>): Kernel<void> {
  while (!(yield* question())) yield* ops.relax(HERE);
}

export type Body = (world: World) => Kernel<void>;

/** Runs a body under many schedules, up to the first finding. */
export function runKernel(body: Body, options: KernelOptions = {}): ExploreResult {
  const { runs = 20, cpus = 3, slots = {}, oracles = true, swaps = {}, stepLimit = 50_000 } = options;
  const lockdep = options.lockdep === false ? null : new Lockdep({ throws: true });
  const preset = presets.find(({ name }) => name === (options.preset ?? 'unified'));
  assert(preset !== undefined);
  const seams = { ...preset.seams, ...swaps };
  bindSeams(seams);
  bindSubmitEngine(seams.engine);
  bindListeners([...(oracles ? oracleListeners() : []), ...(lockdep === null ? [] : [lockdep.hear])]);
  const { missing } = options;
  if (missing !== undefined) withoutLocks(missing);
  const build = () => {
    if (missing !== undefined) declareMissing();
    const media = Array.from({ length: DISKS_MAX }, () => declareMedia(DISK_SECTORS));
    const cachedMedia = Array.from({ length: DISKS_MAX }, () => declareCachedMedia(DISK_SECTORS));
    const joins = Array.from({ length: JOINS_MAX }, (_, i) => ({
      done: declareCompletion(`&join${i}.done`),
      seen: declareCompletion(`&join${i}.seen`),
    }));
    let world: World;
    let run = 0;
    return {
      setup() {
        world = new World({ media, cachedMedia, joins }, run++);
        return body(world);
      },
      actors: [],
      outcome: () => world.outcome,
    };
  };
  try {
    return explore(build, new Walk(SEED), runs, {
      settings: { cpus, lock: 'tas', oracles },
      slots: { 'mapped-device': 4, workqueue: 6, ...slots },
      staticWords: STATIC_WORDS + (missing === undefined ? 0 : WITHOUT_LOCK_WORDS),
      races: missing !== undefined,
      stepLimit,
      lockdep,
      ...(oracles ? { atQuiescence: checkQuiescence, whenStuck: checkStuck, whenClosed: checkClosed, wakersOf } : {}),
    });
  } finally {
    bindListeners([]);
  }
}

/** The presets that must be clean. */
export const CLEAN_PRESETS = presets.filter(({ clean }) => clean).map(({ name }) => name);

/** A test whose body must hold in each of them. */
export function eachPresetTest(title: string, body: Body, options: KernelOptions = {}): void {
  for (const preset of CLEAN_PRESETS) kernelTest(`${preset}: ${title}`, body, { ...options, preset });
}

/** A test whose body must hold under every schedule. */
export function kernelTest(title: string, body: Body, options: KernelOptions = {}): void {
  test(title, async (t) => {
    t.comment(`seed ${SEED}`);
    const result = runKernel(body, options);
    if (options.finding === undefined) expectClean(t, result);
    else expectFinding(t, result, options.finding);
  });
}
