/**
 * Which alarm goes off next on the real machine: the armed one that was due first by the monotonic clock.
 */
import { ALARM_ARMED, ALARM_GOING_OFF, Alarm } from '../irq/alarm.ts';
import { memory, type SlabPlan } from '../shared/memory.ts';

const STATE = Alarm.offsetOf('state');
const DUE = Alarm.offsetOf('dueUs');

function alarmSlab(): SlabPlan {
  const slab = memory.plan?.slabs.get(Alarm.name);
  if (slab === undefined) throw new Error('no memory is bound');
  return slab;
}

/** Address of the armed alarm that is due first, or 0. */
function firstArmed(): number {
  const w = memory.words;
  const slab = alarmSlab();
  let first = 0;
  for (let slot = 0, address = slab.firstSlot; slot < slab.slots; slot++, address += slab.slotWords) {
    if (Atomics.load(w, address + STATE) !== ALARM_ARMED) continue;
    if (first === 0 || (w[address + DUE] as number) - (w[first + DUE] as number) < 0) first = address;
  }
  return first;
}

/** Claims the alarm that is due, or says in how many microseconds one will be (0: none is armed). */
export function dueAlarm(nowUs: number): { address: number; inUs: number } {
  const w = memory.words;
  for (;;) {
    const first = firstArmed();
    if (first === 0) return { address: 0, inUs: 0 };
    const inUs = (w[first + DUE] as number) - nowUs;
    if (inUs > 0) return { address: 0, inUs };
    // Lost to who cancelled it: look again.
    if (Atomics.compareExchange(w, first + STATE, ALARM_ARMED, ALARM_GOING_OFF) === ALARM_ARMED)
      return { address: first, inUs: 0 };
  }
}

/** Whether any alarm is armed, right now. */
export function anyAlarmArmed(): boolean {
  return firstArmed() !== 0;
}
