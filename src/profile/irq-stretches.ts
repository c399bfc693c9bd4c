/**
 * The stretches without interrupts of one CPU: how many, how long those are that are timed, and where the longest one began.
 */
import type { Site } from '../machine/site.ts';
import type { Gaps } from './gaps.ts';
import { addDuration } from './histogram.ts';
import {
  type Area,
  type Clock,
  CPU_IRQ_MAX,
  CPU_IRQ_MIN,
  CPU_IRQ_SITE,
  CPU_IRQ_STRETCHES,
  IRQ_LEFT,
} from './layout.ts';

export class IrqStretches {
  readonly #area: Area;
  readonly #left: Int32Array;
  readonly #clock: Clock;
  readonly #gaps: Gaps;
  /** When the one that is timed began, 0: none is; and where. */
  #since = 0;
  #site: Site = 0;

  constructor(area: Area, clock: Clock, gaps: Gaps) {
    this.#area = area;
    this.#left = area.left;
    this.#clock = clock;
    this.#gaps = gaps;
  }

  startRound(): void {
    this.#since = 0;
  }

  /** `site`: 0 in a hard interrupt. */
  begins(site: Site): void {
    const left = (this.#left[IRQ_LEFT] as number) - 1;
    this.#left[IRQ_LEFT] = left;
    if (left < 0) this.#time(site);
  }

  ends(): void {
    if (this.#since !== 0) this.#add();
  }

  #time(site: Site): void {
    this.#since = this.#clock();
    this.#site = site;
    const gap = this.#gaps.next();
    (this.#area.numbers[CPU_IRQ_STRETCHES] as number) += gap;
    this.#left[IRQ_LEFT] = gap - 1;
  }

  #add(): void {
    const { numbers, irqHistogram } = this.#area;
    const ns = this.#clock() - this.#since;
    this.#since = 0;
    if (ns > (numbers[CPU_IRQ_MAX] as number)) numbers[CPU_IRQ_SITE] = this.#site;
    addDuration(numbers, CPU_IRQ_MIN, irqHistogram, 0, ns);
  }
}
