/**
 * FIFO lists of bios, linked through bio.next. A list belongs to whoever holds its lock, or to one task.
 *
 *   word 0   handle of the first    word 1   handle of the last; meaningless when the first is 0
 */
import { memory } from '../shared/memory.ts';
import { embed } from '../shared/struct.ts';
import { Bio } from './bio.ts';

export class BioList {
  declare readonly word: number;
  constructor(word: number) {
    this.word = word;
  }

  get empty(): boolean {
    return memory.words[this.word] === 0;
  }

  /** bio_list_add: at the tail. */
  add(bio: Bio): void {
    const w = memory.words;
    bio.next = 0;
    if (w[this.word] === 0) w[this.word] = bio.handle;
    else Bio.at(w[this.word + 1] as number).next = bio.handle;
    w[this.word + 1] = bio.handle;
  }

  /** bio_list_add_head. */
  addHead(bio: Bio): void {
    const w = memory.words;
    bio.next = w[this.word] as number;
    if (bio.next === 0) w[this.word + 1] = bio.handle;
    w[this.word] = bio.handle;
  }

  /** bio_list_pop: the first, or null. */
  pop(): Bio | null {
    const w = memory.words;
    const head = w[this.word] as number;
    if (head === 0) return null;
    const bio = Bio.at(head);
    w[this.word] = bio.next;
    bio.next = 0;
    return bio;
  }

  /** bio_list_merge_head: all of `other` in front; `other` is left empty. */
  mergeHead(other: BioList): void {
    const w = memory.words;
    if (w[other.word] === 0) return;
    if (w[this.word] === 0) w[this.word + 1] = w[other.word + 1] as number;
    else Bio.at(w[other.word + 1] as number).next = w[this.word] as number;
    w[this.word] = w[other.word] as number;
    w[other.word] = 0;
  }

  /** bio_list_merge: all of `other` behind; `other` is left empty. */
  mergeTail(other: BioList): void {
    const w = memory.words;
    if (w[other.word] === 0) return;
    if (w[this.word] === 0) w[this.word] = w[other.word] as number;
    else Bio.at(w[this.word + 1] as number).next = w[other.word] as number;
    w[this.word + 1] = w[other.word + 1] as number;
    w[other.word] = 0;
  }

  /** Handles in order; exact for the owner and at quiescence. */
  *handles(): Iterable<number> {
    for (let handle = memory.words[this.word] as number; handle !== 0; handle = Bio.at(handle).next) yield handle;
  }
}

export const bioListField = embed(2, (word) => new BioList(word));
