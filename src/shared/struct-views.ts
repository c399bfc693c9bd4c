/**
 * The classes of views, generated from struct layouts as source text.
 *
 * Why as text: functions made by closures share one set of type feedback, so the accessors of all fields of all structs would
 * be polymorphic (measured on the bio path: 2 to 4 times slower). Each struct gets functions of its own.
 */
import { setFlagsFromString } from 'node:v8';
import { report } from '../machine/finding.ts';
import { memory } from './memory.ts';
import { declarePlain } from './plain-access.ts';
import { slabAlloc, slabFree } from './slab.ts';
import { type FieldSpec, Struct, type StructType } from './struct.ts';
import type { Kind } from './struct-registry.ts';

// An accessor is some 55 bytes of bytecode. V8 inlines what is up to 27 bytes long wherever it is called, and the rest until a
// budget is spent, which a generator of the bio path does in its first lines: from then on each field is a call. With these
// limits all are inlined (measured: one bio takes 1.6 µs instead of 2.0). They hold for the whole process; before any worker.
setFlagsFromString('--max-inlined-bytecode-size-small=100');
setFlagsFromString('--max-inlined-bytecode-size-cumulative=3000');

/** A handle is address / 8 in the low bits and the generation above. */
export const SLOT_BITS = 17;
export const SLOT_MASK = (1 << SLOT_BITS) - 1;
export const GENERATION_MASK = 0x3fff;

/** Called by generated accessors: the object is gone. */
export function retired(view: Struct, type: string, field: string): never {
  report(
    'use-after-free',
    'I14',
    `${type}.${field} is used after its ${type} was freed (slot ${view.address}, generation ${view.generation}, now ${memory.words[view.address]})`,
  );
}

/** Called by a generated `at` that has no view: the handle must still mean what it meant. */
function checkHandle(type: string, handle: number, address: number, generation: number): void {
  if ((generation & GENERATION_MASK) !== handle >>> SLOT_BITS || (generation & 1) === 0)
    report(
      'use-after-free',
      'I14',
      `a reference leads to a ${type} that was freed (slot ${address}, generation ${handle >>> SLOT_BITS}, now ${generation})`,
    );
}

function accessorSource(type: string, field: string, spec: FieldSpec<unknown>, offset: number): string {
  const check = `const w = memory.words; if (w[this.address] !== this.generation) retired(this, '${type}', '${field}');`;
  if (spec.kind === 'plain')
    return `get ${field}() { ${check} return w[this.address + ${offset}]; }
    set ${field}(value) { ${check} w[this.address + ${offset}] = value; }`;
  if (spec.kind === 'ref')
    return `get ${field}() { ${check} const h = w[this.address + ${offset}]; return h === 0 ? null : types.${field}().at(h); }
    set ${field}(value) { ${check} w[this.address + ${offset}] = value === null ? 0 : value.handle; }`;
  return `get ${field}() { ${check} return this.$${field} === null ? (this.$${field} = make.${field}(this.address + ${offset})) : this.$${field}; }`;
}

/** A class with an accessor for each field, and the two ways to a view: by address, by handle. */
function viewSource(type: string, accessors: readonly string[], cached: readonly string[]): string {
  const name = type.replace(/[^a-zA-Z]/g, '_');
  return `class ${name} extends Struct {
    constructor(address, generation) { super(address, generation); ${cached.map((field) => `this.$${field} = null;`).join(' ')} }
    ${accessors.join('\n    ')}
  }
  function bound(address) {
    const generation = memory.words[address];
    const place = (address - kind.slab.firstSlot) >> 3;
    const known = kind.views[place];
    if (known !== undefined && known.generation === generation) return known;
    const view = new ${name}(address, generation);
    kind.views[place] = view;
    return view;
  }
  function at(handle) {
    const address = (handle & ${SLOT_MASK}) << 3;
    const generation = memory.words[address];
    const known = kind.views[(address - kind.slab.firstSlot) >> 3];
    if (known !== undefined && known.generation === generation && known.handle === handle) return known;
    checkHandle('${type}', handle, address, generation);
    return bound(address);
  }
  function alloc() {
    const address = slabAlloc(kind.slab, memory.plan.config.allocators);
    return address === 0 ? null : bound(address);
  }
  function free(object) {
    if (memory.words[object.address] !== object.generation) retired(object, '${type}', 'free');
    slabFree(kind.slab, memory.plan.config.allocators, object.address);
  }
  return { bound, at, alloc, free, prototype: ${name}.prototype };`;
}

/** The functions of a struct that are generated. */
export interface Views<T> {
  bound(address: number): T;
  at(handle: number): T;
  alloc(): T | null;
  free(object: T): void;
  readonly prototype: T;
}

/** Generates them. */
export function generateViews<T extends Struct>(
  kind: Kind,
  specs: readonly (readonly [string, FieldSpec<unknown>])[],
  offsets: ReadonlyMap<string, number>,
): Views<T> {
  const make: Record<string, (word: number) => unknown> = {};
  const types: Record<string, () => StructType<Struct>> = {};
  for (const [field, spec] of specs) {
    if (spec.make !== undefined) make[field] = spec.make;
    if (spec.target !== undefined) types[field] = spec.target;
  }
  const accessors = specs.map(([field, spec]) => accessorSource(kind.name, field, spec, offsets.get(field) as number));
  const cached = specs.filter(([, spec]) => spec.kind === 'object').map(([field]) => field);
  const source = viewSource(kind.name, accessors, cached);
  const given = { Struct, memory, retired, checkHandle, slabAlloc, slabFree, make, types, kind };
  const views = new Function(...Object.keys(given), source)(...Object.values(given)) as Views<T>;
  for (const [field, spec] of specs) {
    const offset = offsets.get(field) as number;
    if (spec.kind !== 'object') declarePlain(views.prototype, field, (view) => view.address + offset);
  }
  return views;
}
