/**
 * Struct layouts and the views bound to them.
 *
 * A layout is declared once, as an interface (what code sees) and the kind of each field (where it lies). From it the
 * class of its views is generated (struct-views.ts), so that `bio.sector` is a check of the generation and one typed-array
 * access.
 *
 * Three kinds of field (what may touch them when is the whole point):
 *   plain, ref   guarded by a lock, or owned; read and written without a star
 *   marked       read and written by several CPUs without a common lock; each access is an operation
 *   atomic       only changed in one step; each access is an operation
 *
 * invariant: a view is bound to (address, generation). Freeing an object retires all its views on all workers; each
 * accessor of a retired view is a use-after-free finding, also after the slot is used again.
 */
import { memory } from './memory.ts';
import { eachLiveSlot, SLOT_HEADER_WORDS } from './slab.ts';
import { type Kind, type LockField, type LockType, registerKind } from './struct-registry.ts';
import { generateViews, retired } from './struct-views.ts';
import { Atomic, Flags, Marked } from './word.ts';

/** What every view has. Its fields are declared only: a defined field would be written twice for each new view. */
export abstract class Struct {
  /** Word index of the object's slot. */
  declare readonly address: number;
  /** Generation of the slot that this view is bound to. */
  declare readonly generation: number;
  /** How other objects refer to this one: address / 8 in 17 bits, generation in 14. */
  declare readonly handle: number;
  constructor(address: number, generation: number) {
    this.address = address;
    this.generation = generation;
    this.handle = (address >> 3) | ((generation & 0x3fff) << 17);
  }
}

export type EmbedFactory<T> = (word: number) => T;

export interface FieldSpec<T> {
  readonly kind: 'plain' | 'ref' | 'object';
  readonly words: number;
  readonly make?: EmbedFactory<T>;
  readonly target?: () => StructType<Struct>;
  /** What kind of lock it is; it then has a name in findings. */
  readonly lock?: LockType;
}

/** A number guarded by a lock or owned. */
export const plain: FieldSpec<number> = { kind: 'plain', words: 1 };
/** Read and written by several CPUs without a common lock. */
export const marked: FieldSpec<Marked> = { kind: 'object', words: 1, make: (word) => new Marked(word) };
/** A counter. */
export const atomic: FieldSpec<Atomic> = { kind: 'object', words: 1, make: (word) => new Atomic(word) };
/** Flag bits. */
export const flags: FieldSpec<Flags> = { kind: 'object', words: 1, make: (word) => new Flags(word) };
/** A reference to another object, or null; guarded like a plain number. */
export function ref<T extends Struct>(target: () => StructType<T>): FieldSpec<T | null> {
  return { kind: 'ref', words: 1, target: target as unknown as () => StructType<Struct> };
}
/** An embedded object of some words, such as a lock or a list head. `lock`: what kind of lock it is. */
export function embed<T>(words: number, make: EmbedFactory<T>, lock?: LockType): FieldSpec<T> {
  return lock === undefined ? { kind: 'object', words, make } : { kind: 'object', words, make, lock };
}

type Fields<T> = { readonly [K in Exclude<keyof T, keyof Struct>]-?: FieldSpec<T[K]> };

export interface StructType<T extends Struct> {
  readonly name: string;
  /** Words of a slot, header included. */
  readonly slotWords: number;
  /** A new zeroed object, or null when no slot is free. */
  alloc(): T | null;
  /** Retires the object and poisons its words. */
  free(object: T): void;
  /** Retires the object but keeps its slot: a new zeroed object in the same place, for reserves. */
  recycle(object: T): T;
  /** The object that a handle means; a stale handle is a use after free. */
  at(handle: number): T;
  /** The live object in the slot at an address (findings and oracles only). */
  atAddress(address: number): T;
  /** Every live object; for quiescent points. */
  live(): T[];
  /** Offset of a field in words from the object's address. */
  offsetOf(field: string): number;
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * Declares a struct. `short` is what kernel code calls such a variable (`md`): locks in findings read `&md->io_lock`.
 * `defaultSlots` holds unless a machine's configuration says otherwise. Fields lie in the order in which they are written.
 */
export function defineStruct<T extends Struct>(
  name: string,
  short: string,
  defaultSlots: number,
  fields: Fields<T>,
): StructType<T> {
  const specs = Object.entries(fields) as [string, FieldSpec<unknown>][];
  const offsets = new Map<string, number>();
  const locks: LockField[] = [];
  let top = SLOT_HEADER_WORDS;
  for (const [field, spec] of specs) {
    offsets.set(field, top);
    if (spec.lock !== undefined) locks.push({ name: `&${short}->${snake(field)}`, offset: top, type: spec.lock });
    top += spec.words;
  }
  const slotWords = Math.ceil(top / 8) * 8;

  const kind: Kind = {
    name,
    slotWords,
    defaultSlots,
    locks,
    fieldAt: (offset) => specs.findLast(([field]) => (offsets.get(field) as number) <= offset)?.[0] ?? '?',
    slab: null,
    views: [],
  };
  registerKind(kind);
  const { bound, at, alloc, free } = generateViews<T>(kind, specs, offsets);

  return {
    name,
    slotWords,
    alloc,
    free,
    recycle(object) {
      const w = memory.words;
      if (w[object.address] !== object.generation) retired(object, name, 'recycle');
      w[object.address] = object.generation + 2;
      w.fill(0, object.address + SLOT_HEADER_WORDS, object.address + slotWords);
      return bound(object.address);
    },
    at,
    atAddress: bound,
    live() {
      const all: T[] = [];
      if (kind.slab !== null) eachLiveSlot(kind.slab, (address) => all.push(bound(address)));
      return all;
    },
    offsetOf: (field) => offsets.get(field) as number,
  };
}
