/**
 * The check of what sectors hold: legal orders pass, each planted impossibility is found.
 */
import { test } from 'tap';
import { KernelFinding } from '../../src/machine/finding.ts';
import { checkSector, checkZeroSector, type SectorIo } from '../../src/scenarios/sector-check.ts';

const write = (value: number, start: number, end: number, error = 0): SectorIo => ({
  write: true,
  error,
  value,
  start,
  end,
});
const read = (value: number, start: number, end: number, error = 0): SectorIo => ({
  write: false,
  error,
  value,
  start,
  end,
});

/** The finding's message, '' when there is none. */
function verdict(check: () => void): string {
  try {
    check();
    return '';
  } catch (error) {
    if (!(error instanceof KernelFinding) || error.kind !== 'torn' || error.invariant !== 'I44') throw error;
    return error.message;
  }
}

const sector = (ios: readonly SectorIo[], final: number): string => verdict(() => checkSector(3, ios, 0, final));

test('a sector that nobody wrote keeps what it had', async (t) => {
  t.equal(sector([], 0), '');
  t.equal(sector([read(0, 0, 1)], 0), '');
});

test('of writes that overlap, either may be the last', async (t) => {
  const writes = [write(10, 0, 2), write(20, 1, 3)];
  t.equal(sector(writes, 10), '');
  t.equal(sector(writes, 20), '');
  t.equal(sector([...writes, read(10, 4, 5)], 10), '');
});

test('a write that failed may have taken effect or not', async (t) => {
  const writes = [write(10, 0, 1), write(20, 2, 3, -5)];
  t.equal(sector(writes, 10), '');
  t.equal(sector(writes, 20), '');
});

test('a read beside a write sees it or what was there before', async (t) => {
  const ios = [write(10, 0, 1), write(20, 2, 5)];
  t.equal(sector([...ios, read(10, 3, 4)], 20), '');
  t.equal(sector([...ios, read(20, 3, 4)], 20), '');
});

test('a read that failed says nothing', async (t) => {
  t.equal(sector([write(10, 0, 1), read(77, 2, 3, -5)], 10), '');
});

test('content that nobody wrote there is torn', async (t) => {
  t.match(sector([write(10, 0, 1)], 11), /the medium gives 11, which nobody wrote there/);
  t.match(sector([write(10, 0, 1), read(11, 2, 3)], 10), /a read gives 11, which nobody wrote there/);
});

test('a medium that has lost the last write is torn', async (t) => {
  t.match(
    sector([write(10, 0, 1), write(20, 2, 3)], 10),
    /the medium gives 10, although the later write of 20 had ended/,
  );
  t.match(sector([write(10, 0, 1)], 0), /the medium gives 0, although the later write of 10 had ended/);
});

test('a read of stale content is torn', async (t) => {
  const ios = [write(10, 0, 1), write(20, 2, 3), read(10, 4, 5)];
  t.match(sector(ios, 20), /a read gives 10, although the later write of 20 had ended/);
  t.match(sector([write(10, 0, 1), read(0, 2, 3)], 10), /a read gives 0, although the later write of 10 had ended/);
});

test('a read from the future is torn', async (t) => {
  t.match(sector([read(10, 0, 1), write(10, 2, 3)], 10), /a read gives 10, which was written only later/);
});

test('a sector behind a zero target reads as 0, whatever was written', async (t) => {
  t.equal(
    verdict(() => checkZeroSector(3, [write(10, 0, 1), read(0, 2, 3)])),
    '',
  );
  t.match(
    verdict(() => checkZeroSector(3, [write(10, 0, 1), read(10, 2, 3)])),
    /a read gives 10, but a zero target serves it/,
  );
});
