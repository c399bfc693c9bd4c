/**
 * The allocator under everything: fixed slots for each kind of object.
 *
 * It plays the part of the machine's page allocator, so it is no operation of its own: other CPUs cannot see its words.
 * Each allocating thread has free lists of its own and takes back what others freed of its slots:
 *
 *   free list words of allocator k, at base + 16k:  [0] head  [1] tail    only k itself: first freed, first used again
 *                                                   [2] returned          others push, k takes all at once
 *   slot:  [0] generation: odd while alive; alloc and free add 1 each
 *          [1] while free: address of the next free slot
 *          [2 …] the object; zero after alloc, POISON after free
 *
 * A slot belongs to allocator (its number mod allocators). Freed slots are used again last, so that a stale reference
 * meets poison for as long as possible; its generation gives it away even after that.
 */
import { LINE_WORDS, memory, POISON, type SlabPlan } from './memory.ts';

export const SLOT_HEADER_WORDS = 2;
const HEAD = 0;
const TAIL = 1;
const RETURNED = 2;

/** Puts every slot of a slab on its owner's free list. Once for each machine, by the one who makes it. */
export function formatSlab(slab: SlabPlan, allocators: number): void {
  const w = memory.words;
  for (let slot = 0; slot < slab.slots; slot++) {
    const address = slab.firstSlot + slot * slab.slotWords;
    w.fill(POISON, address + SLOT_HEADER_WORDS, address + slab.slotWords);
    w[address] = 0;
    append(w, slab.base + (slot % allocators) * LINE_WORDS, address);
  }
}

function append(w: Int32Array, list: number, address: number): void {
  w[address + 1] = 0;
  const tail = w[list + TAIL] as number;
  if (tail === 0) w[list + HEAD] = address;
  else w[tail + 1] = address;
  w[list + TAIL] = address;
}

/** Takes what other threads returned to `owner` onto this thread's list. Taking all at once leaves no room for ABA. */
function takeReturned(w: Int32Array, slab: SlabPlan, owner: number, list: number): void {
  let address = Atomics.exchange(w, slab.base + owner * LINE_WORDS + RETURNED, 0);
  while (address !== 0) {
    const next = w[address + 1] as number;
    append(w, list, address);
    address = next;
  }
}

/** Address of a zeroed slot, or 0 when this thread can find none. */
export function slabAlloc(slab: SlabPlan, allocators: number): number {
  const w = memory.words;
  const owner = memory.allocator;
  const list = slab.base + owner * LINE_WORDS;
  let address = w[list + HEAD] as number;
  if (address === 0) {
    // One's own slots first, then those that wait for another owner.
    for (let k = 0; k < allocators && w[list + HEAD] === 0; k++) takeReturned(w, slab, (owner + k) % allocators, list);
    address = w[list + HEAD] as number;
    if (address === 0) return 0;
  }
  const next = w[address + 1] as number;
  w[list + HEAD] = next;
  if (next === 0) w[list + TAIL] = 0;
  w[address] = (w[address] as number) + 1;
  const end = address + slab.slotWords;
  for (let i = address + 1; i < end; i++) w[i] = 0;
  return address;
}

/** Calls `visit` with the address of each slot that is alive: an odd generation. No views, no lists: searches come here after every run. */
export function eachLiveSlot({ firstSlot, slots, slotWords }: SlabPlan, visit: (address: number) => void): void {
  const w = memory.words;
  const end = firstSlot + slots * slotWords;
  for (let address = firstSlot; address < end; address += slotWords)
    if (((w[address] as number) & 1) === 1) visit(address);
}

let freed: ((slot: number) => void) | null = null;
/** Who hears of each slot that is freed on this thread; null: nobody. */
export function watchFrees(watcher: ((slot: number) => void) | null): void {
  freed = watcher;
}

/** Retires a slot: its generation moves on, its words are poisoned, and it goes home. */
export function slabFree(slab: SlabPlan, allocators: number, address: number): void {
  const w = memory.words;
  if (freed !== null) freed(address);
  w[address] = (w[address] as number) + 1;
  const end = address + slab.slotWords;
  for (let i = address + SLOT_HEADER_WORDS; i < end; i++) w[i] = POISON;
  const home = ((address - slab.firstSlot) / slab.slotWords) % allocators;
  const list = slab.base + home * LINE_WORDS;
  if (home === memory.allocator) {
    append(w, list, address);
    return;
  }
  for (;;) {
    const head = Atomics.load(w, list + RETURNED);
    w[address + 1] = head;
    if (Atomics.compareExchange(w, list + RETURNED, head, address) === head) return;
  }
}
