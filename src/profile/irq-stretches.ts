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
  CPU_IRQ_PLACE,
  CPU_IRQ_STRETCHES,
  IRQ_LEFT,
} from './layout.ts';

export class IrqStretches {
  readonly #area: Area;
  readonly #left: Int32Array;
  readonly #clock: Clock;
  readonly #gaps: Gaps;
  /** When the one that is timed began, 0: none is; and where, as CPU_IRQ_PLACE. */
  #since = 0;
  #place = 0;

  constructor(area: Area, clock: Clock, gaps: Gaps) {
    this.#area = area;
    this.#left = area.left;
    this.#clock = clock;
    this.#gaps = gaps;
  }

  startRound(): void {
    this.#since = 0;
  }

  beginsAt(site: Site): void {
    this.#begins(site);
  }

  /** A hard interrupt has its own. */
  beginsInIrq(line: number): void {
    this.#begins(-1 - line);
  }

  ends(): void {
    if (this.#since !== 0) this.#add();
  }

  #begins(place: number): void {
    const left = (this.#left[IRQ_LEFT] as number) - 1;
    this.#left[IRQ_LEFT] = left;
    if (left < 0) this.#time(place);
  }

  #time(place: number): void {
    this.#since = this.#clock();
    this.#place = place;
    const gap = this.#gaps.next();
    (this.#area.numbers[CPU_IRQ_STRETCHES] as number) += gap;
    this.#left[IRQ_LEFT] = gap - 1;
  }

  #add(): void {
    const { numbers, irqHistogram } = this.#area;
    const ns = this.#clock() - this.#since;
    this.#since = 0;
    if (ns > (numbers[CPU_IRQ_MAX] as number)) numbers[CPU_IRQ_PLACE] = this.#place;
    addDuration(numbers, CPU_IRQ_MIN, irqHistogram, 0, ns);
  }
}
