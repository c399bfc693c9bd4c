/**
 * I/O that a multipath target holds, a noflush suspend and a resume, and paths that return at any moment.
 *
 * Both paths have failed, and the one that returns first fails again. Whatever the order, the bio ends once, with 0: it waits
 * in the target, is pushed back, or is mapped again. Nothing interrupts the suspend, which would leave queueing off.
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
import type { Program } from '../machine/machine.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { PathFaults, pathFaultsWords } from './path-faults.ts';
import type { Scenario } from './scenario.ts';
import { submitIo, waitIo } from './user-io.ts';

const SECTORS = 4;
const STAMP = 7;

function build(): Program {
  const paths = new PathFaults(2, SECTORS);
  const device = staticWords(1);
  const results = staticWords(2);
  const md = (): MappedDevice => MappedDevice.at(memory.words[device] as number);
  return {
    *setup(): Kernel<void> {
      yield* paths.plugIn({ sectors: SECTORS, mode: 'hardirq', anyCpu: true });
      const created = yield* dmCreate({ name: 'dm0', minor: 0 });
      if (typeof created === 'number') report('assertion', '', `create gives ${errnoText(created)}`);
      memory.words[device] = created.handle;
      yield* dmTableLoad(created, '0 4 multipath 1 queue_if_no_path 0 1 1 round-robin 0 2 1 disk0 1 disk1 1');
      yield* doResume(created, 0);
      yield* paths.break(0);
      for (const disk of ['disk0', 'disk1']) yield* dmTargetMessage(created, 0, `fail_path ${disk}`);
    },
    actors: [
      {
        name: 'submitter',
        cpu: 0,
        *run(): Kernel<void> {
          const request = { sector: 1, size: 2, flags: REQ_WRITE, stamp: STAMP };
          const io = yield* submitIo(BlockDevice.at(md().bdev), request);
          memory.words[results] = (yield* waitIo(io)).error;
        },
      },
      {
        name: 'suspender',
        cpu: 1,
        *run(): Kernel<void> {
          memory.words[results + 1] = yield* doSuspend(md(), DM_SUSPEND_NOFLUSH_FLAG);
          yield* doResume(md(), 0);
        },
      },
      {
        name: 'operator',
        cpu: 2,
        *run(): Kernel<void> {
          for (const disk of ['disk0', 'disk1']) yield* dmTargetMessage(md(), 0, `reinstate_path ${disk}`);
        },
      },
    ],
    *verify(): Kernel<void> {
      for (const place of [0, 1]) {
        const value = memory.words[paths.media + 1 + place];
        if (value !== STAMP + place) report('torn', 'I44', `sector ${1 + place} holds ${value}, not what was written`);
      }
    },
    outcome: () =>
      `bio ${errnoText(memory.words[results] as number)}, suspend ${errnoText(memory.words[results + 1] as number)}`,
  };
}

export const mpathNoflush: Scenario = {
  name: 'mpath-noflush',
  title: 'I/O held in a multipath target, a noflush suspend, and paths that return at any moment',
  cpus: 3,
  staticWords: pathFaultsWords(2, SECTORS) + 3,
  outcomes: ['bio 0, suspend 0'],
  build,
};
