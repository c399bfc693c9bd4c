/**
 * Parts of a case: what has happened in which order, and a target that keeps what it is asked to map.
 */
import { type Bio, bioEndio } from '../../src/block/bio.ts';
import { BioList } from '../../src/block/bio-list.ts';
import { DM_MAPIO_SUBMITTED, type DmTarget } from '../../src/core/device-mapper.ts';
import { report } from '../../src/machine/finding.ts';
import type { Kernel } from '../../src/machine/kernel.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { declareSpinLock, spinLockIrqsave, spinUnlockIrqrestore } from '../../src/shared/spinlock.ts';
import { Atomic } from '../../src/shared/word.ts';
import { bindScripts, remap, remapRequest } from '../../src/targets/scripted.ts';

const JOURNAL_MAX = 48;

/** What has happened, over all CPUs, in words of a vocabulary. */
export class Journal {
  readonly #vocabulary: readonly string[];
  readonly #count = new Atomic(staticWords(1));
  readonly #entries = staticWords(JOURNAL_MAX);

  constructor(vocabulary: readonly string[]) {
    this.#vocabulary = vocabulary;
  }

  *note(text: string): Kernel<void> {
    const place = yield* this.#count.add(1, HERE);
    const word = this.#vocabulary.indexOf(text);
    if (word < 0 || place >= JOURNAL_MAX) report('assertion', '', `the journal has no room for ${text}`);
    memory.words[this.#entries + place] = word;
  }

  /** All entries; while nobody writes. */
  *all(): Kernel<string[]> {
    const count = yield* this.#count.read(HERE);
    return Array.from(
      { length: count },
      (_, i) => this.#vocabulary[memory.words[this.#entries + i] as number] as string,
    );
  }

  *forget(): Kernel<void> {
    yield* this.#count.set(0, HERE);
  }
}

/** Has the scripted target count what it is asked to map. */
export function countMaps(): Atomic {
  const asked = new Atomic(staticWords(1));
  bindScripts([
    {
      *mapRq(ti, clone): Kernel<number> {
        yield* asked.add(1, HERE);
        return remapRequest(ti, clone);
      },
    },
  ]);
  return asked;
}

/** What a scripted target does that keeps clones until somebody lets them go. */
export class Holding {
  readonly #lock = declareSpinLock('&case.holding');
  readonly #passing = staticWords(1);
  readonly #held = new BioList(staticWords(2));

  *map(ti: DmTarget, clone: Bio): Kernel<number> {
    const saved = yield* spinLockIrqsave(this.#lock, HERE);
    const passing = memory.words[this.#passing] !== 0;
    if (!passing) this.#held.add(clone);
    yield* spinUnlockIrqrestore(this.#lock, saved, HERE);
    return passing ? remap(ti, clone) : DM_MAPIO_SUBMITTED;
  }

  /** What comes from now on goes to the device below. */
  *pass(): Kernel<void> {
    const saved = yield* spinLockIrqsave(this.#lock, HERE);
    memory.words[this.#passing] = 1;
    yield* spinUnlockIrqrestore(this.#lock, saved, HERE);
  }

  /** Ends so many of what it keeps, oldest first. */
  *release(count: number, error: number): Kernel<void> {
    for (let i = 0; i < count; i++) {
      const saved = yield* spinLockIrqsave(this.#lock, HERE);
      const clone = this.#held.pop();
      yield* spinUnlockIrqrestore(this.#lock, saved, HERE);
      if (clone === null) return;
      yield* bioEndio(clone, error);
    }
  }
}
