/**
 * The kinds of object that are declared, where their slabs lie, and what the words in them are called.
 */
import { bugOn } from '../machine/finding.ts';
import { runBootDeclarations } from './boot.ts';
import { bindMemory, type MemoryConfig, type MemoryPlan, planMemory, type SlabPlan } from './memory.ts';
import { eachLiveSlot, formatSlab } from './slab.ts';

/** Kinds of lock, for findings. */
export type LockType = 'spinlock' | 'rwlock' | 'rw-semaphore' | 'semaphore' | 'mutex' | 'wait-queue' | 'completion';

/** A struct's field that is a lock; its name in findings: `&md->io_lock`. */
export interface LockField {
  readonly name: string;
  readonly offset: number;
  readonly type: LockType;
}

/** A kind of object. */
export interface Kind {
  readonly name: string;
  readonly slotWords: number;
  readonly defaultSlots: number;
  readonly locks: readonly LockField[];
  /** The field that lies at an offset from an object's address. */
  readonly fieldAt: (offset: number) => string;
  slab: SlabPlan | null;
  /** This thread's views, by (address − first slot) / 8. */
  views: unknown[];
}

const kinds: Kind[] = [];
/** The kind of each 8 words of the memory that is attached: its place in `kinds` + 1, 0 outside slabs. Slots are whole eights. */
let kindAt = new Uint8Array(0);

/** Adds a kind; names are unique. */
export function registerKind(kind: Kind): void {
  bugOn(
    kinds.some((other) => other.name === kind.name),
    `two structs are called ${kind.name}`,
  );
  bugOn(kinds.length === 255, 'there are too many kinds of structs');
  kinds.push(kind);
}

/** Every lock that is declared: those of all structs, and those outside any struct in the memory that is attached. */
export function* declaredLocks(): Iterable<{ name: string; type: LockType }> {
  for (const kind of kinds) for (const { name, type } of kind.locks) yield { name, type };
  for (const { name, type } of staticNames.values()) if (type !== null) yield { name, type };
}

/** Lays out the memory of a machine for all structs that are declared. */
export function planMachineMemory(config: MemoryConfig): MemoryPlan {
  return planMemory(
    config,
    kinds.map((kind) => ({ name: kind.name, slotWords: kind.slotWords, slots: kind.defaultSlots })),
  );
}

/** Makes `words` this thread's memory, forgets all views, and, for the one who makes the machine, formats it. */
export function attachMemory(words: Int32Array, plan: MemoryPlan, allocator: number, format: boolean): void {
  bindMemory(words, plan, allocator);
  staticNames.clear();
  if (format) words.fill(0, 0, plan.size);
  kindAt = new Uint8Array(plan.size >> 3);
  for (const [place, kind] of kinds.entries()) {
    const slab = plan.slabs.get(kind.name);
    if (slab === undefined) throw new Error(`the memory plan lacks the struct ${kind.name}`);
    bugOn(slab.slotWords !== kind.slotWords, `the struct ${kind.name} has another size here`);
    kind.slab = slab;
    kind.views = new Array((slab.slots * slab.slotWords) >> 3);
    kindAt.fill(place + 1, slab.firstSlot >> 3, (slab.firstSlot + slab.slots * slab.slotWords) >> 3);
    if (format) formatSlab(slab, plan.config.allocators);
  }
  runBootDeclarations();
}

/** The kind whose slab a word lies in, with the slot's address; undefined outside slabs. */
function slotOf(word: number): { kind: Kind; address: number } | undefined {
  const kind = kinds[(kindAt[word >> 3] ?? 0) - 1];
  if (kind === undefined) return undefined;
  const { firstSlot, slotWords } = kind.slab as SlabPlan;
  return { kind, address: word - ((word - firstSlot) % slotWords) };
}

/** By kind of lock: what it calls words of its own, by how far inside they are. */
const partNames = new Map<LockType, Map<number, string>>();

/** All locks of a kind have a part of this name, which findings tell from the lock; at module level only. */
export function namePart(type: LockType, offset: number, name: string): void {
  const names = partNames.get(type) ?? new Map<number, string>();
  partNames.set(type, names.set(offset, name));
}

/**
 * `&md->io_lock` for the word of a lock, `&md->io_lock.wait_list` for a part of it, `md.pending` for another field, `word 1234` for
 * anything else.
 */
export function wordName(word: number): string {
  const named = staticNames.get(word);
  if (named !== undefined) return named.name;
  const around = lockAround(word);
  const part = around === null ? undefined : partNames.get(around.type)?.get(around.offset);
  if (around !== null && part !== undefined) return `${around.name}.${part}`;
  const slot = slotOf(word);
  if (slot === undefined) return `word ${word}`;
  const offset = word - slot.address;
  const field = slot.kind.fieldAt(offset);
  const lock = slot.kind.locks.find((each) => slot.kind.fieldAt(each.offset) === field);
  return lock === undefined ? `${slot.kind.name}.${field}` : lock.name;
}

/** What kind of lock starts at a word, or null. */
export function lockTypeAt(word: number): LockType | null {
  const named = staticNames.get(word);
  if (named !== undefined) return named.type;
  const slot = slotOf(word);
  return slot?.kind.locks.find(({ offset }) => slot.address + offset === word)?.type ?? null;
}

/** No lock has more words than this. */
const LOCK_WORDS_MAX = 16;

/** The lock that a word is a part of, and how far inside; null: it is part of none. */
export function lockAround(word: number): { name: string; type: LockType; offset: number } | null {
  const slot = slotOf(word);
  if (slot !== undefined) {
    const { kind, address } = slot;
    const field = kind.fieldAt(word - address);
    const lock = kind.locks.find((each) => kind.fieldAt(each.offset) === field);
    return lock === undefined ? null : { name: lock.name, type: lock.type, offset: word - address - lock.offset };
  }
  for (let offset = 0; offset < LOCK_WORDS_MAX; offset++) {
    const named = staticNames.get(word - offset);
    if (named !== undefined && named.type !== null) return { name: named.name, type: named.type, offset };
  }
  return null;
}

const staticNames = new Map<number, { name: string; type: LockType | null }>();

/** Gives a word outside any struct a name for findings; `type` if it is a lock. */
export function nameWord(word: number, name: string, type: LockType | null = null): void {
  staticNames.set(word, { name, type });
}

/**
 * Calls `visit` with every lock of every live object: the word it starts at, its name, its kind. For findings and quiescent points.
 */
export function eachLiveLock(visit: (word: number, name: string, type: LockType) => void): void {
  for (const { slab, locks } of kinds)
    if (slab !== null && locks.length > 0)
      eachLiveSlot(slab, (address) => {
        for (const { offset, name, type } of locks) visit(address + offset, name, type);
      });
  for (const [word, { name, type }] of staticNames) if (type !== null) visit(word, name, type);
}

/**
 * Every lock that there is room for: the word it starts at, its name, its kind, and the number of its object's slot, 0 outside
 * any struct. Who watches locks prepares for objects that are not alive yet.
 */
export function* allLocks(): Iterable<{ word: number; name: string; type: LockType; slot: number }> {
  for (const { slab, locks } of kinds) {
    if (slab === null) continue;
    for (let slot = 0; slot < slab.slots; slot++)
      for (const { name, offset, type } of locks)
        yield { word: slab.firstSlot + slot * slab.slotWords + offset, name, type, slot };
  }
  for (const [word, { name, type }] of staticNames) if (type !== null) yield { word, name, type, slot: 0 };
}
