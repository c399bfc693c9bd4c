/**
 * What one context holds: a task, the softirqs of a CPU, or its hard interrupts.
 */
import type { Site } from '../../machine/site.ts';

/** More locks than these at once are a mistake of their own (MAX_LOCK_DEPTH). */
export const LOCK_DEPTH_MAX = 48;

export class HeldLocks {
  /** `submitter0`, `hardirq on CPU 1`; '' until somebody asks. */
  name = '';
  /** Handle of the task, 0 for interrupts. */
  task = 0;
  count = 0;
  readonly words: number[] = [];
  readonly classes: number[] = [];
  readonly sites: Site[] = [];
  /** 1 for who shares the lock with others. */
  readonly shared: number[] = [];
  /** The subclass of the next lock that is taken, if it is at this word. */
  nestedWord = 0;
  subclass = 0;
  /** Classes that were taken since the context last waited for somebody, with the place of each. */
  takenCount = 0;
  readonly taken: number[] = [];
  readonly takenAt: Site[] = [];

  /** The context begins anew. */
  clear(): void {
    this.count = 0;
    this.nestedWord = 0;
    this.takenCount = 0;
  }

  push(word: number, lockClass: number, shared: boolean, site: Site): void {
    const { count } = this;
    this.words[count] = word;
    this.classes[count] = lockClass;
    this.sites[count] = site;
    this.shared[count] = shared ? 1 : 0;
    this.count = count + 1;
    const { taken, takenCount } = this;
    for (let i = takenCount - 1; i >= 0; i--) if (taken[i] === lockClass) return;
    taken[takenCount] = lockClass;
    this.takenAt[takenCount] = site;
    this.takenCount = takenCount + 1;
  }

  /** Takes the last hold of a lock off; gives its place, or −1 when there is none. */
  drop(word: number): number {
    const { words } = this;
    for (let i = this.count - 1; i >= 0; i--) {
      if (words[i] !== word) continue;
      this.count--;
      if (i < this.count) this.#close(i);
      return i;
    }
    return -1;
  }

  /** Those above a hold that was given back out of order move down. */
  #close(place: number): void {
    const { words, classes, sites, shared } = this;
    for (let i = place; i < this.count; i++) {
      words[i] = words[i + 1] as number;
      classes[i] = classes[i + 1] as number;
      sites[i] = sites[i + 1] as Site;
      shared[i] = shared[i + 1] as number;
    }
  }
}
