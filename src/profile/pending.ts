/**
 * What is being timed on one CPU: holds that have not ended, or waits. Each task that sleeps has its own, so they do not nest.
 */
const ENTRIES_MAX = 128;

export class Pending {
  count = 0;
  readonly word = new Int32Array(ENTRIES_MAX);
  readonly exclusive = new Int32Array(ENTRIES_MAX);
  /** Task, and how deep in interrupts. */
  readonly context = new Float64Array(ENTRIES_MAX);
  readonly since = new Float64Array(ENTRIES_MAX);
  readonly row = new Int32Array(ENTRIES_MAX);
  readonly site = new Int32Array(ENTRIES_MAX);
  /** Waits: the edge; since when the CPU is parked, 0 when it is not; for how long it was in all. */
  readonly edge = new Int32Array(ENTRIES_MAX);
  readonly parkedSince = new Float64Array(ENTRIES_MAX);
  readonly parkNs = new Float64Array(ENTRIES_MAX);

  clear(): void {
    this.count = 0;
  }

  /** The place of a new entry, or −1 when there is no room. */
  push(word: number, exclusive: number, context: number, since: number): number {
    const at = this.count;
    if (at === ENTRIES_MAX) return -1;
    this.count = at + 1;
    this.word[at] = word;
    this.exclusive[at] = exclusive;
    this.context[at] = context;
    this.since[at] = since;
    this.parkedSince[at] = 0;
    this.parkNs[at] = 0;
    return at;
  }

  /** The newest entry of this lock and context, or −1. */
  find(word: number, exclusive: number, context: number): number {
    for (let at = this.count - 1; at >= 0; at--)
      if (this.word[at] === word && this.exclusive[at] === exclusive && this.context[at] === context) return at;
    return -1;
  }

  remove(at: number): void {
    const last = --this.count;
    for (let i = at; i < last; i++) this.#move(i + 1, i);
  }

  #move(from: number, to: number): void {
    this.word[to] = this.word[from] as number;
    this.exclusive[to] = this.exclusive[from] as number;
    this.context[to] = this.context[from] as number;
    this.since[to] = this.since[from] as number;
    this.row[to] = this.row[from] as number;
    this.site[to] = this.site[from] as number;
    this.edge[to] = this.edge[from] as number;
    this.parkedSince[to] = this.parkedSince[from] as number;
    this.parkNs[to] = this.parkNs[from] as number;
  }
}
