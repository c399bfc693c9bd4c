/**
 * What a request and a barrier cost on one CPU of the real machine, beside a bio over the same disk.
 */
import type { RequestsOrder } from './programs/requests.ts';
import { onMachine } from './real.ts';
import type { Row } from './row.ts';

/** One program on a machine of its own, so that it begins with fresh type feedback. */
const measured = (run: RequestsOrder): Promise<Readonly<Record<string, number>>> =>
  onMachine(1, (round) => round({ spinLock: 'tas', run }));

export async function requestCosts(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [what, through] of [
    ['one request, request-based linear', 'request-based'],
    ['one bio, bio-based linear', 'bio-based'],
    ['one bio, the disk itself', 'nothing'],
  ] as const) {
    const { best = 0, median = 0, ns = 0, steps = 0 } = await measured({ program: 'requests', through, flushes: 0 });
    rows.push({ what, measured: best, median, unit: 'raw pairs' });
    rows.push({ what: `${what}, time`, measured: ns, unit: 'ns' });
    rows.push({ what: `${what}, steps`, measured: steps, unit: 'steps' });
  }
  for (const through of ['request-based', 'bio-based'] as const)
    for (const flushes of [1, 4, 16]) {
      const what = `${through}, ${flushes} flush${flushes === 1 ? '' : 'es'}`;
      const { best = 0, median = 0, ns = 0 } = await measured({ program: 'requests', through, flushes });
      rows.push({ what, measured: 1e9 / ns, unit: 'barriers/s' });
      rows.push({ what: `${what}, a barrier`, measured: best, median, unit: 'raw pairs' });
    }
  return rows;
}
