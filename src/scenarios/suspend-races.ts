/**
 * A suspend and those who get in its way: a signal in any phase, a second suspend, a resume.
 */
import { REQ_WRITE } from '../block/bio.ts';
import { hangDisk, releaseDisk } from '../block/disk-faults.ts';
import { DM_ENDIO_REQUEUE, dmNoflushSuspending } from '../core/device-mapper.ts';
import { doResume, doSuspend } from '../core/ioctl.ts';
import { SUSPEND_PHASES } from '../core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG, dmSuspend, dmSuspended } from '../core/suspend.ts';
import { errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import { CHOICE_SCENARIO, type Kernel } from '../machine/kernel.ts';
import type { Actor, Program } from '../machine/machine.ts';
import { ops } from '../machine/operations.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { bindScripts } from '../targets/scripted.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import type { Scenario } from './scenario.ts';
import { SIGNAL_TARGET_WORDS, SignalTarget } from './signal-target.ts';
import { submitIo, waitIo } from './user-io.ts';

/** How often a signaller looks for the phase that it aims at. */
const LOOKS_MAX = 24;
const IDLE = SUSPEND_PHASES.indexOf('idle');
const FREEZE = SUSPEND_PHASES.indexOf('freeze');
const BLOCK = SUSPEND_PHASES.indexOf('block');
const WAIT = SUSPEND_PHASES.indexOf('wait');

function submitter(device: Device, result: number): Actor {
  return {
    name: 'submitter',
    cpu: 0,
    *run(): Kernel<void> {
      const io = yield* submitIo(device.bdev, { sector: 0, size: 1, flags: REQ_WRITE, stamp: 7 });
      memory.words[result] = (yield* waitIo(io)).error;
    },
  };
}

const said = (word: number): string => errnoText(memory.words[word] as number);

/** Hands back what ends while a noflush suspend is under way. */
function bindRequeueing(): void {
  bindScripts([
    {
      *endIo(ti): Kernel<number> {
        return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
      },
      // So that something happens in this phase.
      presuspend: () => ops.relax(HERE),
    },
  ]);
}

/**
 * The phase is no operation of its own. A noflush suspend has nothing to freeze, so no operation lies between the beginnings of
 * freeze and block, and only threads can look between the two.
 */
function phaseWithOperations(phase: number, noflush: boolean): number {
  return noflush && phase === FREEZE ? BLOCK : phase;
}

/** Something is in flight until the suspend has ended, so a signal in any phase interrupts it; but only its wait can notice. */
function buildInterrupted(noflush: boolean): Program {
  const device = new Device();
  const target = new SignalTarget();
  const words = staticWords(3);
  const [bio, suspend, phase] = [words, words + 1, words + 2];
  bindRequeueing();
  return {
    *setup(): Kernel<void> {
      yield* device.create({ mode: 'hardirq', table: '0 4 scripted disk0 0 0' });
      yield* hangDisk(device.disk);
    },
    actors: [
      submitter(device, bio),
      {
        name: 'suspender',
        cpu: 1,
        *run(): Kernel<void> {
          while ((yield* device.md.pending.read(HERE)) === 0) yield* ops.relax(HERE);
          yield* target.open();
          memory.words[suspend] = yield* doSuspend(device.md, noflush ? DM_SUSPEND_NOFLUSH_FLAG : 0);
          yield* target.close();
          yield* releaseDisk(device.disk);
        },
      },
      {
        name: 'signaller',
        cpu: 2,
        *run(): Kernel<void> {
          const aim = yield* ops.choice(CHOICE_SCENARIO, WAIT + 1, HERE);
          const { md } = device;
          for (let look = 0; look < LOOKS_MAX && md.phase.value !== aim; look++) yield* ops.relax(HERE);
          const note = (): void => {
            memory.words[phase] = phaseWithOperations(md.phase.value, noflush);
          };
          while (!(yield* target.send(note))) yield* ops.relax(HERE);
        },
      },
    ],
    outcome(): string {
      const sent = memory.words[phase] as number;
      const when = sent === IDLE ? 'before' : `in ${SUSPEND_PHASES[sent]}`;
      return `signal ${when}: suspend ${said(suspend)}, bio ${said(bio)}`;
    },
  };
}

/** Nothing is in flight at any moment, so nothing can be interrupted, whenever the signal comes. */
function buildIdle(): Program {
  const device = new Device();
  const target = new SignalTarget();
  const words = staticWords(1);
  return {
    setup: () => device.create({ mode: 'hardirq', table: '0 4 linear disk0 0' }),
    actors: [
      {
        name: 'suspender',
        cpu: 0,
        *run(): Kernel<void> {
          yield* target.open();
          const result = yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG);
          yield* target.close();
          memory.words[words] = result;
          if (result !== 0) report('assertion', 'I50', `a suspend with nothing in flight gives ${errnoText(result)}`);
          yield* doResume(device.md, 0);
        },
      },
      {
        name: 'signaller',
        cpu: 1,
        *run(): Kernel<void> {
          yield* target.send();
        },
      },
    ],
    outcome: () => `suspend ${said(words)}`,
  };
}

/** Both ask the core itself, so that who comes second is told. */
function buildRivals(): Program {
  const device = new Device();
  const words = staticWords(3);
  bindRequeueing();
  return {
    setup: () => device.create({ mode: 'hardirq', table: '0 4 scripted disk0 0 0' }),
    actors: [
      submitter(device, words),
      ...[0, DM_SUSPEND_NOFLUSH_FLAG].map((flag, i) => ({
        name: i === 0 ? 'suspender' : 'noflush-suspender',
        cpu: 1 + i,
        *run(): Kernel<void> {
          memory.words[words + 1 + i] = yield* dmSuspend(device.md, flag);
          if (memory.words[words + 1 + i] === 0) yield* doResume(device.md, 0);
        },
      })),
    ],
    outcome: () => `suspends ${said(words + 1)} and ${said(words + 2)}, bio ${said(words)}`,
  };
}

/** The resumer finds an active device, or waits for the suspend and undoes it; the last actor sees to it that the bio ends. */
function buildResumer(): Program {
  const device = new Device();
  const words = staticWords(4);
  const [bio, suspend, resume, left] = [words, words + 1, words + 2, words + 3];
  bindRequeueing();
  return {
    setup: () => device.create({ mode: 'hardirq', table: '0 4 scripted disk0 0 0' }),
    actors: [
      submitter(device, bio),
      {
        name: 'suspender',
        cpu: 1,
        *run(): Kernel<void> {
          memory.words[suspend] = yield* doSuspend(device.md, DM_SUSPEND_NOFLUSH_FLAG);
          // Nobody else suspends, so either the resumer has undone it, or it is this one's to undo.
          memory.words[left] = (yield* dmSuspended(device.md)) ? 1 : 0;
          if (memory.words[left] === 1) yield* doResume(device.md, 0);
        },
      },
      {
        name: 'resumer',
        cpu: 2,
        *run(): Kernel<void> {
          memory.words[resume] = yield* doResume(device.md, 0);
        },
      },
    ],
    outcome: () =>
      `suspend ${said(suspend)}, resume ${said(resume)}, left ${memory.words[left] === 1 ? 'suspended' : 'active'}, bio ${said(bio)}`,
  };
}

export const suspendRaces: readonly Scenario[] = [
  ...[false, true].map(
    (noflush): Scenario => ({
      name: noflush ? 'signal-in-noflush' : 'signal-in-suspend',
      title: `a signal in each phase of a ${noflush ? 'noflush' : 'flushing'} suspend that something in flight holds up`,
      cpus: 3,
      staticWords: DEVICE_WORDS + SIGNAL_TARGET_WORDS + 3,
      build: () => buildInterrupted(noflush),
    }),
  ),
  {
    name: 'signal-while-idle',
    title: 'a signal at any moment of a noflush suspend that nothing holds up',
    cpus: 2,
    staticWords: DEVICE_WORDS + SIGNAL_TARGET_WORDS + 1,
    outcomes: ['suspend 0'],
    build: buildIdle,
  },
  {
    name: 'rival-suspends',
    title: 'two suspends at the same time, and one bio in flight',
    cpus: 3,
    staticWords: DEVICE_WORDS + 3,
    budget: { signals: 1 },
    build: buildRivals,
  },
  {
    name: 'resume-in-suspend',
    title: 'a resume while a suspend is under way, and one bio in flight',
    cpus: 3,
    staticWords: DEVICE_WORDS + 4,
    budget: { signals: 1 },
    build: buildResumer,
  },
];
