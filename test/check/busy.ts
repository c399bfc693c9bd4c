/**
 * A busy device, for oracles that must stay silent: bios that are split over targets of all kinds, stacked devices, failing
 * disks, read-ahead, suspends of both kinds, some of them interrupted, and a table that shrinks.
 */

import { REQ_READA, REQ_WRITE } from '../../src/block/bio.ts';
import { BlockDevice } from '../../src/block/block-device.ts';
import { addDisk, Disk, type DiskMode, declareMedia } from '../../src/block/disk.ts';
import { DM_ENDIO_REQUEUE, dmNoflushSuspending } from '../../src/core/device-mapper.ts';
import { dmCreate, dmTableLoad, doResume, doSuspend } from '../../src/core/ioctl.ts';
import { MappedDevice } from '../../src/core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../../src/core/suspend.ts';
import { CHOICE_SCENARIO, type Kernel } from '../../src/machine/kernel.ts';
import type { Program } from '../../src/machine/machine.ts';
import { ops } from '../../src/machine/operations.ts';
import type { Scenario } from '../../src/scenarios/scenario.ts';
import { SIGNAL_TARGET_WORDS, SignalTarget } from '../../src/scenarios/signal-target.ts';
import { submitIo, type UserIo, waitIo } from '../../src/scenarios/user-io.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { bindScripts, type Script } from '../../src/targets/scripted.ts';

const SECTORS = 8;

/** Gives back what ends while a noflush suspend is under way. */
const requeueing: Script = {
  *endIo(ti): Kernel<number> {
    return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
  },
};

const TABLE = ['0 2 scripted disk0 0 0', '2 3 linear disk0 2', '5 2 scripted disk0 5 0', '7 1 zero'].join('\n');
const SHORT = '0 6 scripted disk0 0 0';

function* submitter(bdev: BlockDevice, first: number): Kernel<void> {
  const ios: UserIo[] = [];
  for (let i = 0; i < 2; i++) {
    const sector = yield* ops.choice(CHOICE_SCENARIO, 4, HERE);
    const flags = [REQ_WRITE, 0, REQ_READA][yield* ops.choice(CHOICE_SCENARIO, 3, HERE)] as number;
    const size = 1 + (yield* ops.choice(CHOICE_SCENARIO, 5, HERE));
    ios.push(yield* submitIo(bdev, { sector, size, flags, stamp: first + i * 10 }));
  }
  for (const io of ios) yield* waitIo(io);
}

function build(mode: DiskMode, stacked: boolean): Program {
  const words = staticWords(3);
  const signal = new SignalTarget();
  const media = declareMedia(SECTORS);
  bindScripts([requeueing]);
  const md = (which: number): MappedDevice => MappedDevice.at(memory.words[words + which] as number);
  const bdev = (which: number): BlockDevice => BlockDevice.at(md(which).bdev);
  function* create(which: number, table: string): Kernel<void> {
    const created = yield* dmCreate({ name: `dm${which}`, minor: which });
    if (typeof created === 'number') throw new Error('create');
    memory.words[words + which] = created.handle;
    yield* dmTableLoad(created, table);
    yield* doResume(created, 0);
  }
  const top = stacked ? 1 : 0;
  return {
    *setup(): Kernel<void> {
      const disk = yield* addDisk({ name: 'disk0', minor: 0, sectors: SECTORS, mode, anyCpu: true }, media);
      memory.words[words + 2] = disk.handle;
      yield* create(0, TABLE);
      if (stacked) yield* create(1, '0 3 scripted dm0 0 0\n3 5 linear dm0 3');
    },
    actors: [
      { name: 'submitter0', cpu: 0, run: () => submitter(bdev(top), 100) },
      { name: 'submitter1', cpu: 1, run: () => submitter(bdev(0), 200) },
      {
        name: 'suspender',
        cpu: 2,
        *run(): Kernel<void> {
          yield* signal.open();
          for (let i = 0; i < 2; i++) {
            const target = md(yield* ops.choice(CHOICE_SCENARIO, top + 1, HERE));
            const noflush = yield* ops.choice(CHOICE_SCENARIO, 2, HERE);
            if ((yield* ops.choice(CHOICE_SCENARIO, 4, HERE)) === 0 && target === md(0))
              yield* dmTableLoad(target, SHORT);
            yield* doSuspend(target, noflush === 1 ? DM_SUSPEND_NOFLUSH_FLAG : 0);
            yield* doResume(target, 0);
          }
          yield* signal.close();
        },
      },
      {
        name: 'trouble',
        cpu: 0,
        *run(): Kernel<void> {
          if ((yield* ops.choice(CHOICE_SCENARIO, 2, HERE)) === 0) yield* signal.send();
          else yield* Disk.at(memory.words[words + 2] as number).failNext.add(1, HERE);
        },
      },
    ],
  };
}

export function busy(mode: DiskMode, stacked: boolean): Scenario {
  return {
    name: `busy-${mode}${stacked ? '-stacked' : ''}`,
    title: `a busy device over a ${mode} disk${stacked ? ', another on top of it' : ''}`,
    cpus: 3,
    staticWords: 3 + SIGNAL_TARGET_WORDS + SECTORS,
    build: () => build(mode, stacked),
  };
}
