/**
 * Tiny rounds in which a canary can hardly be missed. Those about a device are clean without one.
 *
 * The bio ends on CPU 0, the suspender runs on CPU 1, and who arranges the meeting sleeps between its looks, so that two CPUs
 * are enough.
 */
import { BIO_RW_UNPLUG, REQ_WRITE } from '../block/bio.ts';
import { hangDisk, releaseDisk } from '../block/disk-faults.ts';
import { cutPower } from '../block/request-disk.ts';
import { DM_ENDIO_REQUEUE, dmNoflushSuspending } from '../core/device-mapper.ts';
import { doResume, doSuspend } from '../core/ioctl.ts';
import { SUSPEND_PHASES } from '../core/mapped-device.ts';
import { DM_SUSPEND_NOFLUSH_FLAG } from '../core/suspend.ts';
import { usleep } from '../irq/timer.ts';
import { errnoText } from '../machine/errno.ts';
import { report } from '../machine/finding.ts';
import { CHOICE_SCENARIO, type Kernel } from '../machine/kernel.ts';
import type { Actor, Program } from '../machine/machine.ts';
import { ops } from '../machine/operations.ts';
import { memory, staticWords } from '../shared/memory.ts';
import { Marked } from '../shared/word.ts';
import { bindScripts } from '../targets/scripted.ts';
import { DEVICE_WORDS, Device } from './device.ts';
import { DurabilityLog, durabilityWords } from './durability.ts';
import { bustedKind } from './litmus/lock-kinds.ts';
import { BARRIER, REQUEST_DEVICE_WORDS, RequestDevice, requestSlots } from './request-device.ts';
import type { Scenario } from './scenario.ts';
import { SIGNAL_TARGET_WORDS, SignalTarget } from './signal-target.ts';
import { submitIo, waitIo } from './user-io.ts';

const WAIT = SUSPEND_PHASES.indexOf('wait');
/** How often the operator looks, and how long it then leaves the suspender to fall asleep. */
const LOOKS_MAX = 40;
const LOOK_US = 30;
const SETTLE_US = 150;
/** From the end of the bio to the signal. */
const SIGNAL_US = 700;
/** How often each task enters. On threads a relax takes about 0.1 ms, and the other one may start late. */
const LOCK_ROUNDS = 40;
const CANARY_WRITES = 4;

interface DrainOptions {
  readonly name: string;
  readonly title: string;
  readonly noflush: boolean;
  readonly signal: boolean;
}

/** A bio that hangs until a suspend waits for it. */
function drain(options: DrainOptions): Scenario {
  function build(): Program {
    const device = new Device();
    const target = new SignalTarget();
    const result = staticWords(1);
    bindScripts([
      {
        *endIo(ti): Kernel<number> {
          return (yield* dmNoflushSuspending(ti)) ? DM_ENDIO_REQUEUE : 0;
        },
      },
    ]);
    return {
      *setup(): Kernel<void> {
        yield* device.create({ mode: 'hardirq', table: '0 4 scripted disk0 0 0' });
        yield* hangDisk(device.disk);
      },
      actors: [
        { name: 'submitter', cpu: 0, run: () => submitAndWait(device) },
        {
          name: 'suspender',
          cpu: 1,
          *run(): Kernel<void> {
            yield* target.open();
            yield* untilInFlight(device);
            const suspended = yield* doSuspend(device.md, options.noflush ? DM_SUSPEND_NOFLUSH_FLAG : 0);
            yield* target.close();
            memory.words[result] = suspended;
            if (suspended === 0) yield* doResume(device.md, 0);
          },
        },
        // Away from who is delayed: the suspender, or the interrupt that ends the bio.
        { name: 'operator', cpu: options.signal ? 1 : 0, run: () => operate(device, options.signal ? target : null) },
      ],
      outcome: () => `suspend ${errnoText(memory.words[result] as number)}`,
    };
  }
  const { name, title } = options;
  return { name, title, cpus: 2, staticWords: DEVICE_WORDS + SIGNAL_TARGET_WORDS + 1, build };
}

function* submitAndWait(device: Device): Kernel<void> {
  yield* waitIo(yield* submitIo(device.bdev, { sector: 0, size: 1, flags: REQ_WRITE, stamp: 7 }));
}

function* untilInFlight({ md }: Device): Kernel<void> {
  for (let look = 0; look < LOOKS_MAX && (yield* md.pending.read(HERE)) === 0; look++) yield* usleep(LOOK_US, HERE);
}

/** Lets the disk go when the suspender waits for it, and perhaps interrupts the suspend right after. */
function* operate(device: Device, target: SignalTarget | null): Kernel<void> {
  for (let look = 0; look < LOOKS_MAX && device.md.phase.value !== WAIT; look++) yield* usleep(LOOK_US, HERE);
  yield* usleep(SETTLE_US, HERE);
  yield* releaseDisk(device.disk);
  if (target === null) return;
  yield* usleep(SIGNAL_US, HERE);
  yield* target.send();
}

/** Two tasks in a critical section behind a lock that does not lock; each stays inside for a while. */
function bustedLock(): Program {
  const inside = new Marked(staticWords(1));
  const lock = bustedKind.declare('&canary->lock');
  function* section(who: number): Kernel<void> {
    yield* inside.write(who, HERE);
    yield* ops.relax(HERE);
    const found = yield* inside.read(HERE);
    if (found !== who)
      report('assertion', '', `actor ${who} is in the critical section, and so was actor ${found}`, HERE);
  }
  const actor = (cpu: number): Actor => ({
    name: `actor${cpu + 1}`,
    cpu,
    *run(): Kernel<void> {
      for (let i = 0; i < LOCK_ROUNDS; i++) yield* lock.exclusive(() => section(cpu + 1));
    },
  });
  return { actors: [actor(0), actor(1)] };
}

/** Two barriers one after the other, and a power cut when both have ended: what was only in the cache is gone with one chance in two. */
function barriersAndCut(): Program {
  const device = new RequestDevice();
  const log = new DurabilityLog(CANARY_WRITES);
  return {
    *setup(): Kernel<void> {
      const bioBased = (yield* ops.choice(CHOICE_SCENARIO, 2, HERE)) !== 0;
      yield* device.create({ table: '0 4 linear disk0 0', bioBased });
    },
    actors: [
      {
        name: 'writer',
        cpu: 0,
        *run(): Kernel<void> {
          for (let entry = 0; entry < CANARY_WRITES; entry++) {
            // A write of a sector, then a barrier that has its own.
            const flags = entry % 2 === 0 ? BIO_RW_UNPLUG : BARRIER;
            const write = { sector: entry, size: 1, stamp: 10 + entry, flags } as const;
            yield* log.wait(entry, yield* log.submit(device.bdev, entry, write));
          }
          yield* log.cutting();
          yield* cutPower(device.disk);
        },
      },
    ],
    *verify(): Kernel<void> {
      log.check((sector) => device.cache.stored(sector));
    },
    outcome: () => `${log.completed()} barriers completed`,
  };
}

export const canaryRounds: readonly Scenario[] = [
  {
    name: 'canary-lock',
    title: 'two tasks behind a lock that does not lock',
    cpus: 2,
    staticWords: 1 + bustedKind.words,
    build: bustedLock,
  },
  drain({
    name: 'canary-drain',
    title: 'a suspend waits for a bio that then ends',
    noflush: false,
    signal: false,
  }),
  drain({
    name: 'canary-pushback',
    title: 'a noflush suspend waits for a bio that is handed back, and is interrupted then',
    noflush: true,
    signal: true,
  }),
  {
    name: 'canary-barrier',
    title: 'barriers on a device of either type, and a power cut after the last one',
    cpus: 2,
    slots: requestSlots(2),
    staticWords: REQUEST_DEVICE_WORDS + durabilityWords(CANARY_WRITES),
    build: barriersAndCut,
  },
];
