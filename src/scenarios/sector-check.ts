/**
 * I44 TORN: what was read from a sector, and what is on it at the end, equals some legal order of the writes to it.
 *
 * Two I/Os whose times overlap may take effect in either order, and a write that failed may have taken effect or not. A write
 * may take effect more than once while it is under way, since one that is pushed back is mapped again. So this asks of each
 * content alone whether it can be: it must come from a write that had begun, and no successful write may lie wholly between
 * that one and the look.
 */
import { report } from '../machine/finding.ts';

/** One I/O on one sector. */
export interface SectorIo {
  readonly write: boolean;
  readonly error: number;
  /** What was written or read; every write of a sector has another value, none is 0. */
  readonly value: number;
  /** Tickets of the sector's clock: drawn before the I/O was submitted and when it ended. */
  readonly start: number;
  readonly end: number;
}

/** Checks the reads of a sector and its content at the end. */
export function checkSector(sector: number, ios: readonly SectorIo[], initial: number, final: number): void {
  const writes = ios.filter((io) => io.write);
  const look = (value: number, from: number, to: number, what: string): void => {
    const writer = writes.find((io) => io.value === value);
    if (writer === undefined && value !== initial) torn(sector, `${what} gives ${value}, which nobody wrote there`);
    if (writer !== undefined && writer.start > to) torn(sector, `${what} gives ${value}, which was written only later`);
    const writtenBy = writer === undefined ? -1 : writer.end;
    const newer = writes.find((io) => io.error === 0 && io.start > writtenBy && io.end < from);
    if (newer !== undefined)
      torn(sector, `${what} gives ${value}, although the later write of ${newer.value} had ended`);
  };
  for (const io of ios) if (!io.write && io.error === 0) look(io.value, io.start, io.end, 'a read');
  look(final, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 'the medium');
}

/** Checks a sector that forgets what is written: it reads as 0. */
export function checkZeroSector(sector: number, ios: readonly SectorIo[]): void {
  for (const io of ios)
    if (!io.write && io.error === 0 && io.value !== 0)
      torn(sector, `a read gives ${io.value}, but a zero target serves it`);
}

function torn(sector: number, what: string): never {
  report('torn', 'I44', `sector ${sector}: ${what}`);
}
