/**
 * The interrupt actor: plays the devices and the interrupt controller. It runs beside the CPUs, as their CPU number n.
 *
 * Requests come through a mailbox ring; the actor arms an alarm for each, and when one goes off lets the device act, puts
 * the alarm on the completion ring of its CPU and raises the line there. On the CPU the line's handler empties that ring.
 */
import type { Kernel } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { MAILBOX_BASE, MAILBOX_ENTRIES, perCpuBase } from '../shared/memory.ts';
import { cpu, cpuCount } from '../shared/per-cpu.ts';
import { COMPLETION_ENTRIES, CPU_COMPLETIONS } from '../shared/per-cpu-layout.ts';
import { Ring, ringWords } from '../shared/ring.ts';
import { PF_DAEMON, programs, spawn } from '../shared/task.ts';
import { ALARM_IDLE, Alarm, armAlarm, devices } from './alarm.ts';
import { LINE_DEVICE, LINE_TIMER, raiseIrq, requestIrq } from './interrupt.ts';

const mailbox = new Ring(MAILBOX_BASE, MAILBOX_ENTRIES);

const completions = (cpuNumber: number, line: number): Ring =>
  new Ring(perCpuBase(cpuNumber) + CPU_COMPLETIONS + line * ringWords(COMPLETION_ENTRIES), COMPLETION_ENTRIES);

/** Hands a request to its device: the alarm will be armed `alarm.dueUs` microseconds after the actor takes it. */
export function* startDevice(alarm: Alarm, delayUs: number, site: Site): Kernel<void> {
  alarm.dueUs = delayUs;
  yield* mailbox.push(alarm.handle, site);
  ops.ring(cpuCount());
}

/** Starts the actor's task. */
export function startInterruptActor(): void {
  spawn(cpuCount(), INTERRUPT_ACTOR, 0, PF_DAEMON);
}

const INTERRUPT_ACTOR = programs.define('interrupt-actor', function* interruptActor(): Kernel<void> {
  for (;;) {
    // Read before the mailbox is emptied: a push after this read makes nextAlarm return at once.
    const seen = yield* ops.load(mailbox.published, HERE);
    for (let handle = yield* mailbox.pop(HERE); handle !== 0; handle = yield* mailbox.pop(HERE)) {
      const request = Alarm.at(handle);
      yield* armAlarm(request, request.dueUs, HERE);
    }
    const address = yield* ops.nextAlarm(mailbox.published, seen, HERE);
    if (address !== 0) yield* goOff(Alarm.atAddress(address));
  }
});

function* goOff(alarm: Alarm): Kernel<void> {
  const device = devices.at(alarm.device);
  yield* alarm.state.set(ALARM_IDLE, HERE);
  if ((yield* device.elapsed(alarm)) === 0) return;
  const target = alarm.cpu;
  yield* completions(target, device.line).push(alarm.handle, HERE);
  yield* raiseIrq(target, device.line, HERE);
}

function handlerFor(line: number): () => Kernel<void> {
  return function* deviceInterrupt(): Kernel<void> {
    const ring = completions(cpu, line);
    for (let handle = yield* ring.pop(HERE); handle !== 0; handle = yield* ring.pop(HERE)) {
      const alarm = Alarm.at(handle);
      yield* devices.at(alarm.device).interrupt(alarm);
    }
  };
}

requestIrq(LINE_DEVICE, 'device', handlerFor(LINE_DEVICE));
requestIrq(LINE_TIMER, 'timer', handlerFor(LINE_TIMER));
