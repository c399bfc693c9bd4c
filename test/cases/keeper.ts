/**
 * What a scripted target does that keeps clones, and ends each of them as it is told: well, with an error, or with a REQUEUE.
 */
import { type Bio, bioEndio } from '../../src/block/bio.ts';
import { BioList } from '../../src/block/bio-list.ts';
import { genericMakeRequest } from '../../src/block/submit.ts';
import {
  DM_ENDIO_DONE,
  DM_ENDIO_REQUEUE,
  DM_MAPIO_SUBMITTED,
  type DmTarget,
  type DmTargetIo,
} from '../../src/core/device-mapper.ts';
import { DmTargetIo as TargetIo } from '../../src/core/dm-io.ts';
import { DmTarget as Target } from '../../src/core/dm-target.ts';
import { EIO, ENXIO, EOPNOTSUPP } from '../../src/machine/errno.ts';
import { report } from '../../src/machine/finding.ts';
import { type Kernel, resolved } from '../../src/machine/kernel.ts';
import { memory, staticWords } from '../../src/shared/memory.ts';
import { declareSpinLock, spinLockIrqsave, spinUnlockIrqrestore } from '../../src/shared/spinlock.ts';
import { remap, type Script } from '../../src/targets/scripted.ts';

const SECTORS = 8;

/** How a clone ends: what the device below says, and what the target's end_io makes of it. */
export interface CloneEnd {
  readonly name: string;
  readonly error: number;
  readonly answer: number;
}

const fails = (name: string, error: number): CloneEnd => ({ name, error, answer: DM_ENDIO_DONE });
export const WELL = fails('a good end', 0);
export const WITH_EIO = fails('-EIO', -EIO);
export const WITH_ENXIO = fails('-ENXIO', -ENXIO);
export const WITH_EOPNOTSUPP = fails('-EOPNOTSUPP', -EOPNOTSUPP);
export const REQUEUE: CloneEnd = { name: 'REQUEUE', error: 0, answer: DM_ENDIO_REQUEUE };

export class Keeper implements Script {
  readonly #lock = declareSpinLock('&case.keeper');
  /** How often each sector was mapped. */
  readonly #maps = staticWords(SECTORS);
  readonly #held = new BioList(staticWords(2));

  *map(_ti: DmTarget, clone: Bio, tio: DmTargetIo): Kernel<number> {
    const saved = yield* spinLockIrqsave(this.#lock, HERE);
    (memory.words[this.#maps + clone.sector] as number)++;
    tio.info = DM_ENDIO_DONE;
    this.#held.add(clone);
    yield* spinUnlockIrqrestore(this.#lock, saved, HERE);
    return DM_MAPIO_SUBMITTED;
  }

  endIo(_ti: DmTarget, _clone: Bio, _error: number, tio: DmTargetIo): Kernel<number> {
    return resolved(tio.info);
  }

  *#take(): Kernel<Bio> {
    const saved = yield* spinLockIrqsave(this.#lock, HERE);
    const clone = this.#held.pop();
    yield* spinUnlockIrqrestore(this.#lock, saved, HERE);
    if (clone === null) report('assertion', '', 'the target keeps no clone');
    return clone;
  }

  /** Ends the clone that it has kept longest. */
  *end({ error, answer }: CloneEnd): Kernel<void> {
    const clone = yield* this.#take();
    TargetIo.at(clone.private).info = answer;
    yield* bioEndio(clone, error);
  }

  /** Sends it to the device below instead. */
  *sendOn(): Kernel<void> {
    const clone = yield* this.#take();
    remap(Target.at(TargetIo.at(clone.private).target), clone);
    yield* genericMakeRequest(clone);
  }

  /** How often sectors were mapped; while nobody maps. */
  maps(...sectors: number[]): number[] {
    return sectors.map((sector) => memory.words[this.#maps + sector] as number);
  }
}
