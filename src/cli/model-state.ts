/**
 * The abstract state of a model machine, as a number: for each mapped device the phase of its suspend, whether bios are in flight,
 * deferred or pushed back, and its flags. Coverage counts how many of them a search has seen.
 */
import { MappedDevice } from '../core/mapped-device.ts';
import { memory } from '../shared/memory.ts';

const PHASE = MappedDevice.offsetOf('phase');
const PENDING = MappedDevice.offsetOf('pending');
const DEFERRED = MappedDevice.offsetOf('deferred');
const PUSHBACK = MappedDevice.offsetOf('pushback');
const FLAGS = MappedDevice.offsetOf('flags');

/** Asked between two operations of the machine that is bound. */
export function modelState(): number {
  const w = memory.words;
  const slab = memory.plan?.slabs.get(MappedDevice.name);
  if (slab === undefined) return 0;
  let state = 0;
  for (let slot = 0, address = slab.firstSlot; slot < slab.slots; slot++, address += slab.slotWords) {
    // An odd generation: the object lives.
    if (((w[address] as number) & 1) === 0) continue;
    const lists = (w[address + DEFERRED] === 0 ? 0 : 1) | (w[address + PUSHBACK] === 0 ? 0 : 2);
    const pending = Math.min(3, w[address + PENDING] as number);
    const own = (w[address + PHASE] as number) | (lists << 3) | (pending << 5) | ((w[address + FLAGS] as number) << 7);
    state = Math.imul(state ^ (own + slot + 1), 0x9e3779b1) ^ (state >>> 15);
  }
  return state;
}
