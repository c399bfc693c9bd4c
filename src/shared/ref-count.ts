/** Reference counts that notice a get after the last put and a put too many. */
import { report } from '../machine/finding.ts';
import { type Kernel, RMW_ADD } from '../machine/kernel.ts';
import { ops } from '../machine/operations.ts';
import type { Site } from '../machine/site.ts';
import { memory } from './memory.ts';
import { embed } from './struct.ts';
import { wordName } from './struct-registry.ts';

export class RefCount {
  declare readonly word: number;
  constructor(word: number) {
    this.word = word;
  }

  /** Before anybody else can see the object. */
  init(count: number): void {
    memory.words[this.word] = count;
  }

  read(site: Site): Kernel<number> {
    return ops.load(this.word, site);
  }

  /** One more reference; only by somebody who is sure that there is one. */
  get(site: Site): Kernel<void> {
    return ops.addThen(this.word, 1, -1, 1, takenAtZero, this, site);
  }

  /** One reference less; gives the number that is left. */
  *put(site: Site): Kernel<number> {
    const old = yield* ops.rmw(this.word, RMW_ADD, -1, site);
    if (old <= 0) putAtZero(this, site);
    return old - 1;
  }

  /** One reference less, for holders that never are the last. */
  drop(site: Site): Kernel<void> {
    return ops.addThen(this.word, -1, -1, -1, putAtZero, this, site);
  }
}

function takenAtZero(count: RefCount, site: Site): never {
  report('use-after-free', 'I15', `${wordName(count.word)} is taken at 0: the last reference is gone`, site);
}

function putAtZero(count: RefCount, site: Site): never {
  report('use-after-free', 'I15', `${wordName(count.word)} is put at 0: there is no reference to give up`, site);
}

export const refCountField = embed(1, (word) => new RefCount(word));
