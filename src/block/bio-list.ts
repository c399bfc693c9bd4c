/**
 * FIFO lists of bios, linked through bio.next. A list belongs to whoever holds its lock, or to one task.
 *
 *   word 0   handle of the first    word 1   handle of the last; meaningless when the first is 0
 */
import { memory } from '../shared/memory.ts';
import { declarePlain } from '../shared/plain-access.ts';
import { embed } from '../shared/struct.ts';
import { Bio } from './bio.ts';

export class BioList {
  declare readonly word: number;
  constructor(word: number) {
    this.word = word;
  }

  get head(): number {
    return memory.words[this.word] as number;
  }
  private set head(handle: number) {
    memory.words[this.word] = handle;
  }

  private get tail(): number {
    return memory.words[this.word + 1] as number;
  }
  private set tail(handle: number) {
    memory.words[this.word + 1] = handle;
  }

  get empty(): boolean {
    return this.head === 0;
  }

  /** bio_list_add: at the tail. */
  add(bio: Bio): void {
    bio.next = 0;
    if (this.head === 0) this.head = bio.handle;
    else Bio.at(this.tail).next = bio.handle;
    this.tail = bio.handle;
  }

  /** bio_list_add_head. */
  addHead(bio: Bio): void {
    bio.next = this.head;
    if (bio.next === 0) this.tail = bio.handle;
    this.head = bio.handle;
  }

  /** Behind the first `count`, which must be there. */
  addBehind(bio: Bio, count: number): void {
    let before = Bio.at(this.head);
    for (let i = 1; i < count; i++) before = Bio.at(before.next);
    bio.next = before.next;
    before.next = bio.handle;
    if (bio.next === 0) this.tail = bio.handle;
  }

  /** bio_list_pop: the first, or null. */
  pop(): Bio | null {
    const { head } = this;
    if (head === 0) return null;
    const bio = Bio.at(head);
    this.head = bio.next;
    bio.next = 0;
    return bio;
  }

  /** bio_list_merge_head: all of `other` in front; `other` is left empty. */
  mergeHead(other: BioList): void {
    if (other.head === 0) return;
    if (this.head === 0) this.tail = other.tail;
    else Bio.at(other.tail).next = this.head;
    this.head = other.head;
    other.head = 0;
  }

  /** bio_list_merge: all of `other` behind; `other` is left empty. */
  mergeTail(other: BioList): void {
    if (other.head === 0) return;
    if (this.head === 0) this.head = other.head;
    else Bio.at(this.tail).next = other.head;
    this.tail = other.tail;
    other.head = 0;
  }

  /** Handles in order; exact for the owner and at quiescence. */
  *handles(): Iterable<number> {
    for (let handle = this.head; handle !== 0; handle = Bio.at(handle).next) yield handle;
  }
}

declarePlain(BioList.prototype, 'head', ({ word }) => word);
declarePlain(BioList.prototype as object as { word: number }, 'tail', ({ word }) => word + 1);

export const bioListField = embed(2, (word) => new BioList(word));
