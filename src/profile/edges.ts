/**
 * The blame edges of one CPU: who waited, where, for whom, who had taken the lock where.
 */
import type { Site } from '../machine/site.ts';
import {
  type Area,
  CPU_EDGES,
  CPU_LOST_EDGES,
  EDGE_COUNT,
  EDGE_FIELDS,
  EDGE_KEY,
  EDGE_OF,
  EDGE_TAKER,
  EDGE_WAIT_NS,
  EDGE_WAITER,
  EDGE_WAITER_SITE,
  EDGES_MAX,
  ROW_FIELDS,
  ROW_KEY,
  ROW_OF,
} from './layout.ts';

export class Edges {
  readonly #area: Area;
  /** By row, waiter and its site, then by who has the lock. */
  readonly #numbers = new Map<number, Map<number, number>>();
  /** The edge that was counted last, which a hot lock's next one mostly is too. */
  #lastPlace = -1;
  #lastTaker = -1;
  #last = 0;

  constructor(area: Area) {
    this.#area = area;
    area.numbers[CPU_EDGES] = 1;
  }

  /** Counts a contention; gives the number of its edge, which takes its time when it ends. `taker`: who has the lock. */
  count(row: number, waiter: number, site: Site, taker: number): number {
    const place = (row * 4096 + site) * 256 + waiter;
    if (place !== this.#lastPlace || taker !== this.#lastTaker) {
      this.#lastPlace = place;
      this.#lastTaker = taker;
      this.#last = this.#find(place, row, waiter, site, taker);
    }
    (this.#area.edges[this.#last * EDGE_FIELDS + EDGE_COUNT] as number)++;
    return this.#last;
  }

  waited(edge: number, ns: number): void {
    (this.#area.edges[edge * EDGE_FIELDS + EDGE_WAIT_NS] as number) += ns;
  }

  #find(place: number, row: number, waiter: number, site: Site, taker: number): number {
    let atPlace = this.#numbers.get(place);
    if (atPlace === undefined) {
      atPlace = new Map();
      this.#numbers.set(place, atPlace);
    }
    let edge = atPlace.get(taker);
    if (edge === undefined) {
      edge = this.#add(row, waiter, site, taker);
      atPlace.set(taker, edge);
    }
    return edge;
  }

  #add(row: number, waiter: number, site: Site, taker: number): number {
    const { numbers, edges, rows } = this.#area;
    const edge = numbers[CPU_EDGES] as number;
    if (edge === EDGES_MAX) {
      (numbers[CPU_LOST_EDGES] as number)++;
      return 0;
    }
    numbers[CPU_EDGES] = edge + 1;
    const at = edge * EDGE_FIELDS;
    edges[at + EDGE_KEY] = rows[row * ROW_FIELDS + ROW_KEY] as number;
    edges[at + EDGE_OF] = rows[row * ROW_FIELDS + ROW_OF] as number;
    edges[at + EDGE_WAITER] = waiter;
    edges[at + EDGE_WAITER_SITE] = site;
    edges[at + EDGE_TAKER] = taker;
    return edge;
  }
}
