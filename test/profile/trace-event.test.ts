/** A timeline as a file for viewers. */
import { test } from 'tap';
import type { Slice } from '../../src/profile/report.ts';
import { traceFile } from '../../src/profile/trace-event.ts';
import { traceComplaints } from '../support/trace-rules.ts';

function slice(startNs: number, endNs: number): Slice {
  const what = { kind: 'task', lane: 0, name: `from ${startNs}`, sleeping: false, site: '', who: '' } as const;
  return { ...what, startNs, durationNs: endNs - startNs };
}

test('of slices that end together Perfetto, which cuts times to whole nanoseconds, leaves none out', async (t) => {
  const complaints: string[] = [];
  for (let end = 50; end < 150; end++)
    for (let start = 1; start < end; start += 7) {
      const slices = [slice(0, 200), slice(start, end), slice((start + end) >> 1, end), slice(end, end + 20)];
      const timeline = { cpus: 1, devices: 1, fromNs: 0, toNs: 200, slices, counters: [], arrows: [] };
      complaints.push(...traceComplaints(traceFile(timeline, {})).map((each) => `${start} to ${end}: ${each}`));
    }
  t.strictSame(complaints.slice(0, 5), []);
});
