/**
 * What a target remembers of a clone that it may have to send out a second time.
 *
 * Models dm-bio-record.h. A mapped device below advances a clone while it splits it, and makes it the parent of a chain; the
 * chain's flag, count and error are forgotten on the way back (the kernel forgot to, until 1b17159e52bb).
 */
import { BIO_CHAIN, type Bio } from '../block/bio.ts';
import { memory } from '../shared/memory.ts';
import { embed } from '../shared/struct.ts';

const SECTOR = 0;
const SIZE = 1;
const FLAGS = 2;
const BDEV = 3;
const DATA = 4;

/** The recorded fields of one clone. */
export interface BioRecord {
  readonly word: number;
}

export const bioRecordField = embed<BioRecord>(5, (word) => ({ word }));

/** Before the clone is sent out. */
export function dmBioRecord({ word }: BioRecord, bio: Bio): void {
  const w = memory.words;
  w[word + SECTOR] = bio.sector;
  w[word + SIZE] = bio.size;
  w[word + FLAGS] = bio.bioFlags;
  w[word + BDEV] = bio.bdev;
  w[word + DATA] = bio.data;
}

/** When it has ended: the clone is as it was, and nobody else's. */
export function dmBioRestore({ word }: BioRecord, bio: Bio): void {
  const w = memory.words;
  if ((bio.bioFlags & BIO_CHAIN) !== 0) {
    bio.remaining.init(0);
    bio.error.init(0);
  }
  bio.sector = w[word + SECTOR] as number;
  bio.size = w[word + SIZE] as number;
  bio.bioFlags = w[word + FLAGS] as number;
  bio.bdev = w[word + BDEV] as number;
  bio.data = w[word + DATA] as number;
}
