/**
 * How often each process touches each object in a run: the most of the last counted runs.
 */
import type { Random } from '../../shared/random.ts';

/** Counted runs after which what was known before is forgotten. */
const GENERATION = 8;

/** Accesses of one process to one object in a run. */
interface Tally {
  accesses: number;
  writes: number;
}
/** By object, then by process. */
type Tallies = Map<number, Map<number, Tally>>;

function tallyOf(tallies: Tallies, object: number, name: number): Tally {
  let byName = tallies.get(object);
  if (byName === undefined) {
    byName = new Map();
    tallies.set(object, byName);
  }
  let tally = byName.get(name);
  if (tally === undefined) {
    tally = { accesses: 0, writes: 0 };
    byName.set(name, tally);
  }
  return tally;
}

/** Pairs of accesses by two processes of which one at least writes. */
function conflicts(byName: ReadonlyMap<number, Tally>): number {
  let pairs = 0;
  let accesses = 0;
  let reads = 0;
  for (const tally of byName.values()) {
    const ownReads = tally.accesses - tally.writes;
    pairs += tally.accesses * accesses - ownReads * reads;
    accesses += tally.accesses;
    reads += ownReads;
  }
  return pairs;
}

export class Profile {
  /** The run that is under way, the generation that it belongs to, and the one before. */
  readonly #run: Tallies = new Map();
  #young: Tallies = new Map();
  #old: Tallies = new Map();
  #runs = 0;
  /** Objects with the sum of conflicts up to and with each. */
  readonly #objects: { readonly object: number; readonly upTo: number }[] = [];

  count(object: number, name: number, writes: boolean): void {
    const tally = tallyOf(this.#run, object, name);
    tally.accesses++;
    if (writes) tally.writes++;
  }

  endRun(): void {
    for (const [object, byName] of this.#run)
      for (const [name, tally] of byName) {
        if (tally.accesses === 0) continue;
        const most = tallyOf(this.#young, object, name);
        most.accesses = Math.max(most.accesses, tally.accesses);
        most.writes = Math.max(most.writes, tally.writes);
        tally.accesses = 0;
        tally.writes = 0;
      }
    if (this.#runs === 0) this.#weigh();
    if (++this.#runs % GENERATION !== 0) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#weigh();
  }

  #weigh(): void {
    this.#objects.length = 0;
    let sum = 0;
    for (const [object, byName] of this.#known()) {
      const pairs = object === 0 ? 0 : conflicts(byName);
      if (pairs === 0) continue;
      sum += pairs;
      this.#objects.push({ object, upTo: sum });
    }
  }

  #known(): Tallies {
    return this.#old.size > 0 ? this.#old : this.#young;
  }

  /** An object, in proportion to its conflicts; 0 when there is none, or before the first run. */
  draw(random: Random): number {
    const sum = this.#objects.at(-1)?.upTo ?? 0;
    if (sum === 0) return 0;
    const at = random.below(sum);
    return (this.#objects.find(({ upTo }) => at < upTo) as { object: number }).object;
  }

  /** Fills `into` with the accesses of each process. */
  countsOf(object: number, into: Map<number, number>): void {
    into.clear();
    for (const known of [this.#old, this.#young])
      for (const [name, { accesses }] of known.get(object) ?? [])
        into.set(name, Math.max(into.get(name) ?? 0, accesses));
  }
}
