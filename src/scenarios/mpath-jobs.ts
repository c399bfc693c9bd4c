/**
 * What administrators and multipathd do to a multipath device while it has I/O: freeze it without a path, replace its table while
 * a group is being activated, lose its last path, replace its table while messages come.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { BlockDevice } from '../block/block-device.ts';
import { dmCreate, dmTableLoad, doResume, doSuspend } from '../core/ioctl.ts';
import { MappedDevice } from '../core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../core/suspend.ts';
import { dmTargetMessage } from '../core/target-message.ts';
import { errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import type { Kernel } from '../machine/kernel.ts';
import type { Actor, Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import { FS_USER_WORDS, FsUser } from './fs-user.ts';
import { PathFaults, pathFaultsWords } from './path-faults.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, waitIo } from './user-io.ts';

const SECTORS = 4;

/** `dm0` over paths to one and the same disk. */
class Paths {
  readonly faults: PathFaults;
  readonly #device: number;

  readonly #anyCpu: boolean;

  /** `anyCpu`: the disk interrupts any CPU, not the one that submits. */
  constructor(count: number, anyCpu: boolean) {
    this.faults = new PathFaults(count, SECTORS);
    this.#anyCpu = anyCpu;
    this.#device = staticWords(1);
  }

  *create(table: string): Kernel<void> {
    yield* this.faults.plugIn({ sectors: SECTORS, mode: 'hardirq', anyCpu: this.#anyCpu });
    const created = yield* dmCreate({ name: 'dm0', minor: 0 });
    if (typeof created === 'number') report('assertion', '', `create gives ${errnoText(created)}`);
    memory.words[this.#device] = created.handle;
    yield* dmTableLoad(created, table);
    yield* doResume(created, 0);
  }

  get md(): MappedDevice {
    return MappedDevice.at(memory.words[this.#device] as number);
  }

  *messages(texts: readonly string[]): Kernel<void> {
    for (const text of texts) yield* dmTargetMessage(this.md, 0, text);
  }

  /** The way out of a multipath that does not work: its disk, without it. What the multipath gave back ends there. */
  *replace(): Kernel<void> {
    yield* doSuspend(this.md, DM_SUSPEND_NOFLUSH_FLAG);
    yield* dmTableLoad(this.md, `0 ${SECTORS} linear disk0 0`);
    yield* doResume(this.md, DM_SUSPEND_NOFLUSH_FLAG);
  }

  /** Writes a sector of its own, and keeps the error in `result`. */
  writer(number: number, cpu: number, result: number): Actor {
    return {
      name: `writer${number}`,
      cpu,
      run: function* (this: Paths): Kernel<void> {
        const request = { sector: number, size: 1, flags: REQ_WRITE, stamp: 7 + number };
        memory.words[result] = (yield* waitIo(yield* submitIo(BlockDevice.at(this.md.bdev), request))).error;
      }.bind(this),
    };
  }
}

const pathsWords = (count: number): number => pathFaultsWords(count, SECTORS) + 1;
const said = (word: number): string => errnoText(memory.words[word] as number);

/** The write is kept in the target, which has no path, until presuspend tells it to let go; then it fails. */
function buildFreeze(): Program {
  const device = new Device();
  const fs = new FsUser(device);
  const suspend = staticWords(1);
  return {
    *setup(): Kernel<void> {
      yield* device.create({
        mode: 'hardirq',
        table: '0 4 multipath 1 queue_if_no_path 0 1 1 round-robin 0 1 1 disk0 1',
      });
      yield* dmTargetMessage(device.md, 0, 'fail_path disk0');
      yield* fs.mount();
    },
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          yield* fs.writeAndSync(0, 7);
        },
      },
      {
        name: 'admin',
        cpu: 1,
        *run(): Kernel<void> {
          memory.words[suspend] = yield* doSuspend(device.md, 0);
          yield* doResume(device.md, 0);
          yield* dmTargetMessage(device.md, 0, 'reinstate_path disk0');
        },
      },
    ],
    verify: () => fs.umount(),
    outcome: () => `suspend ${said(suspend)}`,
  };
}

/** The group has to be activated before it takes I/O, and that takes time; meanwhile its only path fails. */
function buildActivation(): Program {
  const paths = new Paths(1, true);
  const result = staticWords(1);
  return {
    setup: () => paths.create('0 4 multipath 1 queue_if_no_path 2 simulated 20 1 1 round-robin 0 1 1 disk0 1'),
    actors: [
      paths.writer(0, 0, result),
      { name: 'admin', cpu: 1, run: () => paths.replace() },
      { name: 'operator', cpu: 2, run: () => paths.messages(['fail_path disk0']) },
    ],
    outcome: () => `bio ${said(result)}`,
  };
}

/** The second group is asked for while the first one is being activated. */
function buildTwoGroups(): Program {
  const paths = new Paths(2, true);
  const results = staticWords(2);
  const group = (disk: string): string => `round-robin 0 1 1 ${disk} 1`;
  return {
    setup: () =>
      paths.create(`0 4 multipath 1 queue_if_no_path 2 simulated 20 2 1 ${group('disk0')} ${group('disk1')}`),
    actors: [
      paths.writer(0, 0, results),
      {
        name: 'operator',
        cpu: 1,
        *run(): Kernel<void> {
          yield* paths.messages(['switch_group 2']);
          yield* paths.replace();
        },
      },
      paths.writer(1, 2, results + 1),
    ],
    outcome: () => `bios ${said(results)}, ${said(results + 1)}`,
  };
}

/** The first bio that fails takes the path with it; kmultipathd gives it up while others fail on the same CPU. */
function buildLastPath(): Program {
  const paths = new Paths(1, false);
  const results = staticWords(3);
  return {
    *setup(): Kernel<void> {
      yield* paths.create('0 4 multipath 0 0 1 1 round-robin 0 1 1 disk0 1');
      yield* paths.faults.break(0);
    },
    actors: [0, 1, 2].map((number) => paths.writer(number, 0, results + number)),
    outcome: () => `bios ${said(results)}, ${said(results + 1)}, ${said(results + 2)}`,
  };
}

/** A message is taken while the device is suspended too, and has an event made, which is the work of another thread. */
function buildMessage(): Program {
  const paths = new Paths(1, true);
  return {
    setup: () => paths.create('0 4 multipath 0 0 1 1 round-robin 0 1 1 disk0 1'),
    actors: [
      { name: 'admin', cpu: 0, run: () => paths.replace() },
      { name: 'operator', cpu: 1, run: () => paths.messages(['fail_path disk0']) },
    ],
    outcome: () => 'replaced',
  };
}

export const mpathJobs: readonly Scenario[] = [
  {
    name: 'mpath-freeze',
    title: 'a multipath without a path is suspended with a freeze while an fsync waits for it',
    cpus: 2,
    staticWords: DEVICE_WORDS + FS_USER_WORDS + 1,
    outcomes: ['suspend 0'],
    build: buildFreeze,
  },
  {
    name: 'mpath-activation',
    title: "a multipath's table is replaced while its group is being activated and its path fails",
    cpus: 3,
    staticWords: pathsWords(1) + 1,
    outcomes: ['bio 0'],
    build: buildActivation,
  },
  {
    name: 'mpath-two-groups',
    title: 'a multipath is told to use its second group while the first one is being activated, and is replaced',
    cpus: 3,
    staticWords: pathsWords(2) + 2,
    outcomes: ['bios 0, 0'],
    build: buildTwoGroups,
  },
  {
    name: 'mpath-last-path',
    title: 'the last path of a multipath that does not queue fails under three bios of one CPU',
    cpus: 1,
    staticWords: pathsWords(1) + 3,
    outcomes: ['bios -EIO, -EIO, -EIO'],
    build: buildLastPath,
  },
  {
    name: 'mpath-message',
    title: "a multipath's table is replaced while a message fails its path",
    cpus: 2,
    staticWords: pathsWords(1),
    outcomes: ['replaced'],
    build: buildMessage,
  },
];
