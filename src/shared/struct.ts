/**
 * Struct layouts and the views bound to them.
 *
 * A layout is declared once, as an interface (what code sees) and the kind of each field (where it lies). From it an
 * accessor is generated for each field, so that `bio.sector` is a check of the generation and one typed-array access.
 * Accessors are generated as source text because closures would share one set of type feedback over all fields of all
 * structs, which makes every access polymorphic (measured: 4 times slower).
 *
 * Three kinds of field (what may touch them when is the whole point):
 *   plain, ref   guarded by a lock, or owned; read and written without a star
 *   marked       read and written by several CPUs without a common lock; each access is an operation
 *   atomic       only changed in one step; each access is an operation
 *
 * invariant: a view is bound to (address, generation). Freeing an object retires all its views on all workers; each
 * accessor of a retired view is a use-after-free finding, also after the slot is used again.
 */
import { bugOn, report } from '../machine/finding.ts';
import { runBootDeclarations } from './boot.ts';
import { bindMemory, type MemoryConfig, type MemoryPlan, memory, planMemory, type SlabPlan } from './memory.ts';
import { formatSlab, SLOT_HEADER_WORDS, slabAlloc, slabFree } from './slab.ts';
import { Atomic, Flags, Marked } from './word.ts';

/** The part of a handle that is address / 8. */
const SLOT_MASK = 0x1ffff;

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

/** A part of a struct with a class of its own, such as a lock. */
export interface Embedded {
  readonly word: number;
}
export type EmbedFactory<T> = (word: number) => T;

/** Kinds of lock, for findings. */
export type LockType = 'spinlock' | 'rwlock' | 'rw-semaphore' | 'semaphore' | 'mutex' | 'wait-queue' | 'completion';

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

/** The name of a struct's field that is a lock, for findings: `&md->io_lock`. */
interface LockField {
  readonly name: string;
  readonly offset: number;
  readonly type: LockType;
}

interface Kind {
  readonly name: string;
  readonly slotWords: number;
  readonly defaultSlots: number;
  readonly locks: readonly LockField[];
  readonly fieldAt: (offset: number) => string;
  slab: SlabPlan | null;
}

const kinds: Kind[] = [];
/** Views of this thread, by address / 8. */
let views: (Struct | undefined)[] = [];

/** Called by generated accessors: the object is gone. */
function retired(view: Struct, type: string, field: string): never {
  report(
    'use-after-free',
    'I14',
    `${type}.${field} is used after its ${type} was freed (slot ${view.address}, generation ${view.generation}, now ${memory.words[view.address]})`,
  );
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function accessorSource(type: string, field: string, spec: FieldSpec<unknown>, offset: number): string {
  const check = `const w = memory.words; if (w[this.address] !== this.generation) retired(this, '${type}', '${field}');`;
  if (spec.kind === 'plain')
    return `get ${field}() { ${check} return w[this.address + ${offset}]; }
      set ${field}(value) { ${check} w[this.address + ${offset}] = value; }`;
  if (spec.kind === 'ref')
    return `get ${field}() { ${check} const h = w[this.address + ${offset}]; return h === 0 ? null : types.${field}.at(h); }
      set ${field}(value) { ${check} w[this.address + ${offset}] = value === null ? 0 : value.handle; }`;
  return `get ${field}() { ${check} return this.$${field} === null ? (this.$${field} = make.${field}(this.address + ${offset})) : this.$${field}; }`;
}

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

  const make: Record<string, (word: number) => unknown> = {};
  const types: Record<string, StructType<Struct>> = {};
  for (const [field, spec] of specs) {
    const factory = spec.make;
    if (factory !== undefined) make[field] = factory;
    if (spec.target !== undefined) {
      const target = spec.target;
      Object.defineProperty(types, field, { get: target, configurable: true });
    }
  }
  const cached = specs.filter(([, spec]) => spec.kind === 'object').map(([field]) => `this.$${field} = null;`);
  const body = specs.map(([field, spec]) => accessorSource(name, field, spec, offsets.get(field) as number));
  const source = `return class ${name.replace(/[^a-zA-Z]/g, '_')} extends Struct {
    constructor(address, generation) { super(address, generation); ${cached.join(' ')} }
    ${body.join('\n')}
  };`;
  const View = new Function('Struct', 'memory', 'retired', 'make', 'types', source)(
    Struct,
    memory,
    retired,
    make,
    types,
  ) as new (
    address: number,
    generation: number,
  ) => T;

  const kind: Kind = {
    name,
    slotWords,
    defaultSlots,
    locks,
    fieldAt: (offset) => specs.findLast(([field]) => (offsets.get(field) as number) <= offset)?.[0] ?? '?',
    slab: null,
  };
  bugOn(
    kinds.some((other) => other.name === name),
    `two structs are called ${name}`,
  );
  kinds.push(kind);

  const allocators = (): number => memory.plan?.config.allocators ?? 1;
  /** This thread has no view of the object yet, or the object is gone. */
  const firstView = (handle: number): T => {
    const address = (handle & SLOT_MASK) << 3;
    const generation = memory.words[address] as number;
    if ((generation & 0x3fff) !== handle >>> 17 || (generation & 1) === 0)
      report(
        'use-after-free',
        'I14',
        `a reference leads to a ${name} that was freed (slot ${address}, generation ${handle >>> 17}, now ${generation})`,
      );
    return bound(address);
  };
  const bound = (address: number): T => {
    const generation = memory.words[address] as number;
    const cachedView = views[address >> 3];
    if (cachedView !== undefined && cachedView.generation === generation) return cachedView as T;
    const view = new View(address, generation);
    views[address >> 3] = view;
    return view;
  };
  return {
    name,
    slotWords,
    alloc() {
      const address = slabAlloc(kind.slab as SlabPlan, allocators());
      return address === 0 ? null : bound(address);
    },
    free(object) {
      if (memory.words[object.address] !== object.generation) retired(object, name, 'free');
      slabFree(kind.slab as SlabPlan, allocators(), object.address);
    },
    recycle(object) {
      const w = memory.words;
      if (w[object.address] !== object.generation) retired(object, name, 'free');
      w[object.address] = object.generation + 2;
      w.fill(0, object.address + SLOT_HEADER_WORDS, object.address + slotWords);
      return bound(object.address);
    },
    at(handle) {
      const view = views[handle & SLOT_MASK];
      if (view !== undefined && view.handle === handle && memory.words[view.address] === view.generation) return view as T;
      return firstView(handle);
    },
    atAddress: bound,
    live() {
      const slab = kind.slab as SlabPlan;
      const list: T[] = [];
      for (let slot = 0; slot < slab.slots; slot++) {
        const address = slab.firstSlot + slot * slab.slotWords;
        if (((memory.words[address] as number) & 1) === 1) list.push(bound(address));
      }
      return list;
    },
    offsetOf: (field) => offsets.get(field) as number,
  };
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
  views = new Array(plan.size >> 3);
  staticNames.clear();
  if (format) words.fill(0);
  for (const kind of kinds) {
    const slab = plan.slabs.get(kind.name);
    if (slab === undefined) throw new Error(`the memory plan lacks the struct ${kind.name}`);
    bugOn(slab.slotWords !== kind.slotWords, `the struct ${kind.name} has another size here`);
    kind.slab = slab;
    if (format) formatSlab(slab, plan.config.allocators);
  }
  runBootDeclarations();
}

/** The kind whose slab a word lies in, with the slot's address; undefined outside slabs. */
function slotOf(word: number): { kind: Kind; address: number } | undefined {
  for (const kind of kinds) {
    const slab = kind.slab;
    if (slab === null || word < slab.firstSlot || word >= slab.firstSlot + slab.slots * slab.slotWords) continue;
    return { kind, address: word - ((word - slab.firstSlot) % slab.slotWords) };
  }
  return undefined;
}

/** `&md->io_lock` for the word of a lock, `md.pending` for another field, `word 1234` for anything else. */
export function wordName(word: number): string {
  const named = staticNames.get(word);
  if (named !== undefined) return named.name;
  const slot = slotOf(word);
  if (slot === undefined) return `word ${word}`;
  const offset = word - slot.address;
  const field = slot.kind.fieldAt(offset);
  const lock = slot.kind.locks.find((each) => slot.kind.fieldAt(each.offset) === field);
  return lock === undefined ? `${slot.kind.name}.${field}` : lock.name;
}

const staticNames = new Map<number, { name: string; type: LockType | null }>();

/** Gives a word outside any struct a name for findings; `type` if it is a lock. */
export function nameWord(word: number, name: string, type: LockType | null = null): void {
  staticNames.set(word, { name, type });
}

/** Every lock of every live object: the word it starts at, its name, its kind. For findings and quiescent points. */
export function* liveLocks(): Iterable<{ word: number; name: string; type: LockType }> {
  for (const kind of kinds) {
    const slab = kind.slab;
    if (slab === null) continue;
    for (let slot = 0; slot < slab.slots; slot++) {
      const address = slab.firstSlot + slot * slab.slotWords;
      if (((memory.words[address] as number) & 1) === 0) continue;
      for (const lock of kind.locks) yield { word: address + lock.offset, name: lock.name, type: lock.type };
    }
  }
  for (const [word, { name, type }] of staticNames) if (type !== null) yield { word, name, type };
}
