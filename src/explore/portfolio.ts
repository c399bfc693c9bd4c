/**
 * Which strategy makes which slice.
 *
 * Slices come in epochs. In the first two each strategy has its share by table; afterwards by half, and the other half goes where
 * runs show what others have not shown. An epoch's shares follow from all that was seen up to the end of the last epoch but one,
 * so that workers need not wait for each other at its end, and are the same for any number of workers.
 */
import { addTo } from '../shared/counts.ts';
import { COVERED, type Covered, type Tally } from './coverage.ts';
import { EPOCH_SLICES, endsEpoch, epochOf } from './epochs.ts';
import type { SlicedName } from './strategies/all.ts';

export const SLICE_RUNS = 128;

/** Shares by table, in percent. No single strategy is the best for all bugs, and the best is not the one that shows most. */
const TABLE: readonly (readonly [SlicedName, number])[] = [
  ['surw', 26],
  ['pos', 22],
  ['walk', 13],
  ['starvation', 10],
  ['pct', 14],
  ['guided', 5],
  ['few', 7],
  ['uniform', 3],
];

/** Nobody gets less than this, in percent. */
const FLOOR = 3;

export class Portfolio {
  /** Shares of each epoch that is known, in percent. */
  readonly #shares: ReadonlyMap<SlicedName, number>[] = [new Map(TABLE), new Map(TABLE)];
  readonly #plans: (readonly SlicedName[])[] = [];
  readonly #runs = new Map<SlicedName, number>();

  /** Shares at this moment. */
  get shares(): ReadonlyMap<SlicedName, number> {
    return this.#shares.at(-1) as ReadonlyMap<SlicedName, number>;
  }

  /** The strategy of a slice; null: not known before more slices are merged. */
  strategyOf(slice: number): SlicedName | null {
    const epoch = epochOf(slice, EPOCH_SLICES);
    const shares = this.#shares[epoch];
    if (shares === undefined) return null;
    this.#plans[epoch] ??= planned(shares);
    return (this.#plans[epoch] as readonly SlicedName[])[slice % EPOCH_SLICES] as SlicedName;
  }

  /** A slice has been merged, and so have all before. */
  merged(slice: number, runs: number, tallies: Readonly<Record<Covered, Tally>>): void {
    const strategy = this.strategyOf(slice) as SlicedName;
    addTo(this.#runs, strategy, runs);
    if (endsEpoch(slice, EPOCH_SLICES)) this.#shares.push(this.#moved(tallies));
  }

  #moved(tallies: Readonly<Record<Covered, Tally>>): Map<SlicedName, number> {
    const rates = new Map<SlicedName, number>(TABLE.map(([name]) => [name, 0]));
    for (const kind of COVERED) {
      const alone = new Map<SlicedName, number>();
      for (const run of tallies[kind].lonelyRuns()) {
        const name = this.strategyOf(Math.floor(run / SLICE_RUNS)) as SlicedName;
        addTo(alone, name);
      }
      const rate = (name: SlicedName): number => (alone.get(name) ?? 0) / Math.max(1, this.#runs.get(name) ?? 0);
      const sum = TABLE.reduce((total, [name]) => total + rate(name), 0);
      if (sum > 0) for (const [name] of TABLE) rates.set(name, (rates.get(name) as number) + rate(name) / sum);
    }
    const all = [...rates.values()].reduce((total, rate) => total + rate, 0);
    const free = 100 - FLOOR * TABLE.length;
    return new Map(
      TABLE.map(([name, share]) => {
        const earned = all === 0 ? share : (100 * (rates.get(name) as number)) / all;
        return [name, FLOOR + (free * (share + earned)) / 200];
      }),
    );
  }
}

/** An epoch's slices: at each place the strategy that is furthest behind its share. */
function planned(shares: ReadonlyMap<SlicedName, number>): SlicedName[] {
  const credit = new Map<SlicedName, number>([...shares.keys()].map((name) => [name, 0]));
  return Array.from({ length: EPOCH_SLICES }, () => {
    let best: SlicedName | null = null;
    for (const [name, share] of shares) {
      credit.set(name, (credit.get(name) as number) + share);
      if (best === null || (credit.get(name) as number) > (credit.get(best) as number)) best = name;
    }
    const chosen = best as SlicedName;
    credit.set(chosen, (credit.get(chosen) as number) - 100);
    return chosen;
  });
}
