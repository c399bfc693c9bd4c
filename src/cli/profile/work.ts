/**
 * What the rounds of a profile got done, of each kind.
 */
import type { RoundResult } from '../../actors/machine.ts';
import type { ProfilerCost, Throughput } from '../../profile/report.ts';
import { addTo } from '../../shared/counts.ts';

/** What rounds of one kind got done. */
export class Work {
  #rounds = 0;
  #ms = 0;
  #contentions = 0;
  readonly #counts = new Map<string, number>();

  add({ ms, counts, contentions }: RoundResult): void {
    this.#rounds++;
    this.#ms += ms;
    this.#contentions += contentions;
    for (const [name, count] of Object.entries(counts)) addTo(this.#counts, name, count);
  }

  get rounds(): number {
    return this.#rounds;
  }

  msPerRound(): number {
    return this.#ms / this.#rounds;
  }

  contentionsPerRound(): number {
    return this.#contentions / this.#rounds;
  }

  throughput(): Throughput {
    const seconds = this.#ms / 1000;
    const rate = (count: number): number => (seconds === 0 ? 0 : Math.round((10 * count) / seconds) / 10);
    return {
      rounds: this.#rounds,
      seconds: Number(seconds.toFixed(3)),
      roundsPerSecond: rate(this.#rounds),
      perSecond: Object.fromEntries([...this.#counts].map(([name, count]) => [name, rate(count)])),
    };
  }
}

const rounded = (value: number, places: number): number => Number(value.toFixed(places));

/** with ÷ without, in rounds a second; 0 where nothing was done without, or with. */
export const ratioOf = (after: Work, before: Work): number =>
  after.rounds === 0 || before.rounds === 0 ? 0 : rounded(before.msPerRound() / after.msPerRound(), 3);

/** What the profiler changes, from rounds that were run with it and without. */
export class Compared {
  readonly #with = new Work();
  readonly #without = new Work();

  add(withIt: RoundResult, withoutIt: RoundResult): void {
    this.#with.add(withIt);
    this.#without.add(withoutIt);
  }

  cost(): ProfilerCost | null {
    if (this.#with.rounds === 0) return null;
    const contentions = {
      with: rounded(this.#with.contentionsPerRound(), 2),
      without: rounded(this.#without.contentionsPerRound(), 2),
    };
    return {
      with: this.#with.throughput(),
      without: this.#without.throughput(),
      ratio: ratioOf(this.#with, this.#without),
      contentions,
    };
  }
}
