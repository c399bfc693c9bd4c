/**
 * Alarms: what the interrupt actor waits for. A disk's service time and a timer are both one.
 *
 * The state word:
 *   0 idle   1 armed: goes off when `due` has come (threads) or when the scheduler says so (model)   2 going off
 * idle → armed by whoever arms it; armed → going off by the machine; armed → idle by whoever cancels it; all others by the
 * interrupt actor.
 */
import { type Kernel, RMW_EXCHANGE } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { FunctionTable } from '../shared/function-table.ts';
import { cpuCount } from '../shared/per-cpu.ts';
import { atomic, defineStruct, plain, type Struct } from '../shared/struct.ts';
import type { Atomic } from '../shared/word.ts';

export const ALARM_IDLE = 0;
export const ALARM_ARMED = 1;
export const ALARM_GOING_OFF = 2;

export interface Alarm extends Struct {
  readonly state: Atomic;
  /** Microseconds of the machine's clock. */
  dueUs: number;
  /** The device behind it, an entry of `devices`. */
  device: number;
  /** What the device makes of it, often a handle. */
  arg: number;
  /** The CPU that is interrupted. */
  cpu: number;
  /** The device's answer, for its interrupt. */
  result: number;
  /** Link of the device's own list. */
  next: number;
}

export const Alarm = defineStruct<Alarm>('alarm', 'alarm', 48, {
  state: atomic,
  dueUs: plain,
  device: plain,
  arg: plain,
  cpu: plain,
  result: plain,
  next: plain,
});

/** A device of the interrupt actor. */
export interface Device {
  /** The line that it raises. */
  readonly line: number;
  /** Runs on the interrupt actor when the time has passed. Gives 1 to interrupt the CPU, 0 to keep the alarm for now. */
  elapsed(alarm: Alarm): Kernel<number>;
  /** Runs in the hard interrupt on the alarm's CPU. The alarm is the device's to free or keep. */
  interrupt(alarm: Alarm): Kernel<void>;
}

export const devices = new FunctionTable<Device>('device');

/** Arms an idle alarm; it goes off `delayUs` from now. */
export function* armAlarm(alarm: Alarm, delayUs: number, site: Site): Kernel<void> {
  alarm.dueUs = ops.nowUs() + delayUs;
  yield* ops.rmw(alarm.state.word, RMW_EXCHANGE, ALARM_ARMED, site);
  ops.ring(cpuCount());
}

/** Takes an armed alarm back; gives 1 if it had not gone off. */
export function* cancelAlarm(alarm: Alarm, site: Site): Kernel<number> {
  return (yield* alarm.state.cmpxchg(ALARM_ARMED, ALARM_IDLE, site)) === ALARM_ARMED ? 1 : 0;
}
