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
  EDGE_HOLDER,
  EDGE_HOLDER_SITE,
  EDGE_KEY,
  EDGE_OF,
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
  /** By row and waiter's site, then by who waits for whom at which site. */
  readonly #numbers = new Map<number, Map<number, number>>();

  constructor(area: Area) {
    this.#area = area;
    area.numbers[CPU_EDGES] = 1;
  }

  /** Counts a contention; gives the number of its edge, which takes its time when it ends. */
  count(row: number, waiter: number, site: Site, holder: number, holderSite: Site): number {
    const place = row * 4096 + site;
    const whom = (waiter * 256 + holder) * 4096 + holderSite;
    let atPlace = this.#numbers.get(place);
    if (atPlace === undefined) {
      atPlace = new Map();
      this.#numbers.set(place, atPlace);
    }
    let edge = atPlace.get(whom);
    if (edge === undefined) {
      edge = this.#add(row, waiter, site, holder, holderSite);
      atPlace.set(whom, edge);
    }
    (this.#area.edges[edge * EDGE_FIELDS + EDGE_COUNT] as number)++;
    return edge;
  }

  waited(edge: number, ns: number): void {
    (this.#area.edges[edge * EDGE_FIELDS + EDGE_WAIT_NS] as number) += ns;
  }

  #add(row: number, waiter: number, site: Site, holder: number, holderSite: Site): number {
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
    edges[at + EDGE_HOLDER] = holder;
    edges[at + EDGE_HOLDER_SITE] = holderSite;
    return edge;
  }
}
