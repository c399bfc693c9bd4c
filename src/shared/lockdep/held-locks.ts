/**
 * What one context holds: a task, the softirqs of a CPU, or its hard interrupts.
 */
import type { Site } from '../../machine/site.ts';

/** More locks than these at once are a mistake of their own (MAX_LOCK_DEPTH). */
export const LOCK_DEPTH_MAX = 48;

export class HeldLocks {
  /** `submitter0`, `hardirq on CPU 1`. */
  readonly name: string;
  count = 0;
  readonly words = new Int32Array(LOCK_DEPTH_MAX);
  readonly classes = new Int32Array(LOCK_DEPTH_MAX);
  readonly sites = new Int32Array(LOCK_DEPTH_MAX);
  /** 1 for who shares the lock with others. */
  readonly shared = new Uint8Array(LOCK_DEPTH_MAX);
  /** The subclass of the next lock that is taken, if it is at this word. */
  nestedWord = 0;
  subclass = 0;
  /** Classes that were taken since the context last waited for somebody, with the place of each. */
  readonly taken: number[] = [];
  readonly takenAt: Site[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** The context begins anew. */
  clear(): void {
    this.count = 0;
    this.nestedWord = 0;
    this.forgetTaken();
  }

  /** Who has waited for another may have been told that it can go on: what it took before says nothing about others. */
  forgetTaken(): void {
    this.taken.length = 0;
    this.takenAt.length = 0;
  }

  push(word: number, lockClass: number, shared: boolean, site: Site): void {
    const { count } = this;
    this.words[count] = word;
    this.classes[count] = lockClass;
    this.sites[count] = site;
    this.shared[count] = shared ? 1 : 0;
    this.count = count + 1;
    if (!this.taken.includes(lockClass)) {
      this.taken.push(lockClass);
      this.takenAt.push(site);
    }
  }

  /** Takes the last hold of a lock off; gives its place, or −1 when there is none. */
  drop(word: number): number {
    for (let i = this.count - 1; i >= 0; i--) {
      if (this.words[i] !== word) continue;
      for (let j = i + 1; j < this.count; j++) {
        this.words[j - 1] = this.words[j] as number;
        this.classes[j - 1] = this.classes[j] as number;
        this.sites[j - 1] = this.sites[j] as number;
        this.shared[j - 1] = this.shared[j] as number;
      }
      this.count--;
      return i;
    }
    return -1;
  }
}
