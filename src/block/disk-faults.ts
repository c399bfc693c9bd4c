/**
 * What disks of all kinds do alike: let a service time pass, fail when they are told to, and hold back what they have finished.
 */
import { Alarm, armAlarm, devices } from '../irq/alarm.ts';
import { LINE_DEVICE } from '../irq/interrupt.ts';
import { startDevice } from '../irq/interrupt-actor.ts';
import { report } from '../machine/finding.ts';
import { CHOICE_COMPLETION_CPU, CHOICE_LATENCY, type Kernel } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import { cpu, cpuCount } from '../shared/per-cpu.ts';
import { PlainWord } from '../shared/plain-access.ts';
import { embed } from '../shared/struct.ts';
import { type Atomic, Marked } from '../shared/word.ts';

/** A disk whose requests wait for the interrupt actor. */
interface Timed {
  /** Shortest service time and how much longer it can be, in microseconds. */
  readonly latencyUs: number;
  readonly latencySpreadUs: number;
  /** 1: any CPU is interrupted, not the one that started the request. */
  readonly anyCpu: number;
}

/** Gives the interrupt actor something to do for a disk: `device` with `arg`, when the service time has passed. */
export function* startService(disk: Timed, device: number, arg: number): Kernel<void> {
  const alarm = allocAlarm(device, arg);
  if (disk.anyCpu !== 0) alarm.cpu = yield* ops.choice(CHOICE_COMPLETION_CPU, cpuCount(), HERE);
  const spread = disk.latencySpreadUs === 0 ? 0 : yield* ops.choice(CHOICE_LATENCY, disk.latencySpreadUs, HERE);
  yield* startDevice(alarm, disk.latencyUs + spread, HERE);
}

/** Gives it an order that is carried out as soon as it comes to it. */
export function startOrder(device: number, arg: number): Kernel<void> {
  return startDevice(allocAlarm(device, arg), 0, HERE);
}

function allocAlarm(device: number, arg: number): Alarm {
  const alarm = Alarm.alloc();
  if (alarm === null) report('assertion', '', 'a disk has more requests than there are alarms');
  alarm.device = device;
  alarm.arg = arg;
  alarm.cpu = cpu;
  return alarm;
}

/** Whether one of the failures that are ahead hits what is served now, and is used up. Several CPUs may ask at once. */
export function* takeFault(ahead: Atomic): Kernel<boolean> {
  if ((yield* ahead.read(HERE)) <= 0) return false;
  const faults = yield* ahead.add(-1, HERE);
  // Another CPU took the last one between the two.
  if (faults <= 0) yield* ahead.add(1, HERE);
  return faults > 0;
}

/**
 * What a disk has finished and keeps to itself.
 *
 *   word 0   1 while it does so: set and cleared by scenarios, without a lock
 *   word 1   handle of the first alarm held back, linked through alarm.next; the interrupt actor's own list
 */
export class HeldBack {
  declare readonly word: number;
  constructor(word: number) {
    this.word = word;
  }
  get on(): Marked {
    return new Marked(this.word);
  }
  get first(): PlainWord {
    return new PlainWord(this.word + 1);
  }
}

export const heldBackField = embed(2, (word) => new HeldBack(word));

interface Holding {
  readonly heldBack: HeldBack;
}

/** On the interrupt actor, when a service time has passed: true if the disk holds back, and then it has the alarm. */
export function* holdBack({ heldBack }: Holding, alarm: Alarm): Kernel<boolean> {
  if ((yield* heldBack.on.read(HERE)) === 0) return false;
  alarm.next = heldBack.first.value;
  heldBack.first.value = alarm.handle;
  return true;
}

/** From now on nothing that the disk has finished comes back. */
export function hangDisk({ heldBack }: Holding): Kernel<void> {
  return heldBack.on.write(1, HERE);
}

/** What was held back comes back, and all that follows. */
export function* releaseDisk({ heldBack }: Holding): Kernel<void> {
  yield* heldBack.on.write(0, HERE);
  yield* startOrder(RELEASE_DEVICE, heldBack.word);
}

/** The list is the actor's own, so the actor itself takes it back. */
const RELEASE_DEVICE = devices.define('disk-release', {
  line: LINE_DEVICE,
  *elapsed(alarm): Kernel<number> {
    const { first } = new HeldBack(alarm.arg);
    let handle = first.value;
    first.value = 0;
    while (handle !== 0) {
      const held = Alarm.at(handle);
      handle = held.next;
      yield* armAlarm(held, 0, HERE);
    }
    return 1;
  },
  *interrupt(alarm): Kernel<void> {
    Alarm.free(alarm);
  },
});
