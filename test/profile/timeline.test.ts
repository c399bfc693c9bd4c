/** What the trace rings of all CPUs hold, as one timeline. */
import { test } from 'tap';
import { makeProfileBuffers, RECORD_HOLD, RECORDS, type TraceRing } from '../../src/profile/layout.ts';
import { makeTimeline } from '../../src/profile/timeline.ts';
import { TraceWriter } from '../../src/profile/trace-writer.ts';

const CPUS = 3;
const WORDS = { locks: [], phases: [], lines: [], softirqs: [] };

/** On each CPU, and the interrupt actor, so many holds, one after the other. */
function timelineOf(holds: number) {
  const buffers = makeProfileBuffers(CPUS, { by: 'class', exact: true, trace: true, inject: null });
  for (const ring of buffers.rings as readonly TraceRing[]) {
    const writer = new TraceWriter(ring, () => 0);
    for (let i = 0; i < holds; i++) writer.write(RECORD_HOLD, 100 * i + 50, 100 * i, 0, 0, 0, 0);
  }
  return makeTimeline(buffers, WORDS);
}

test('full rings of several CPUs are one timeline', async (t) => {
  const { slices, devices, toNs } = timelineOf(RECORDS);
  t.equal(slices.length, (CPUS + 1) * RECORDS);
  t.equal(devices, 1);
  t.equal(toNs, 100 * (RECORDS - 1) + 50);
});

test('a timeline begins with the first record that a ring which has forgotten some still has', async (t) => {
  const { slices, toNs } = timelineOf(RECORDS + 7);
  // The first of them began before it ended, which is when the timeline begins.
  t.equal(slices.length, (CPUS + 1) * (RECORDS - 1));
  t.equal(toNs, 100 * (RECORDS - 2) + 50);
});
