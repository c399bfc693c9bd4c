/**
 * Function pointers in shared memory are numbers that mean the same function in every worker.
 *
 * The number is a hash of the function's name, so it does not depend on the order in which a worker loads its modules. Two
 * names of one table that fall on the same number are refused when the module loads.
 */

const SLOTS = 1021;

function slotOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return 1 + ((hash >>> 0) % SLOTS);
}

export class FunctionTable<F> {
  readonly name: string;
  readonly #functions: (F | undefined)[] = new Array(SLOTS + 1).fill(undefined);
  readonly #names = new Map<number, string>();

  constructor(name: string) {
    this.name = name;
  }

  /** Adds a function; gives the number that stands for it. */
  define(name: string, fn: F): number {
    const id = slotOf(name);
    const other = this.#names.get(id);
    if (other !== undefined)
      throw new Error(`the ${this.name} functions ${other} and ${name} share number ${id}: rename one`);
    this.#names.set(id, name);
    this.#functions[id] = fn;
    return id;
  }

  /** The function that a number stands for. */
  at(id: number): F {
    const fn = this.#functions[id];
    if (fn === undefined) throw new Error(`there is no ${this.name} function ${id}`);
    return fn;
  }

  nameOf(id: number): string {
    return this.#names.get(id) ?? `${this.name} ${id}`;
  }

  /** The number of a name, or 0. */
  idOf(name: string): number {
    const id = slotOf(name);
    return this.#names.get(id) === name ? id : 0;
  }

  names(): string[] {
    return [...this.#names.values()].sort();
  }
}
