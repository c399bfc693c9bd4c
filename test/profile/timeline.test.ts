/** What the trace rings of all CPUs hold, as one timeline. */
import { test } from 'tap';
import {
  EV_BARRIER_BEHIND,
  EV_BIO_DEFERRED,
  EV_BIO_END,
  EV_BIO_PUSHED_BACK,
  EV_BIO_PUSHED_HEAD,
  EV_BIO_SUBMIT,
  EV_DISPATCH,
  EV_IO_END,
  EV_IO_START,
  EV_PUSHBACK_MERGE,
  EV_WAKE,
} from '../../src/machine/events.ts';
import { makeProfileBuffers, RECORD_HOLD, RECORD_TASK, RECORDS, type TraceRing } from '../../src/profile/layout.ts';
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

const MD = 4000;
const BIO = 640;
const OTHER = 704;

/** The timeline of events of one device, or of tasks: [CPU, time in ns, kind, a, b, since when]. */
function timelineFrom(records: readonly (readonly [number, number, number, number, number, number?])[]) {
  const buffers = makeProfileBuffers(CPUS, { by: 'class', exact: true, trace: true, inject: null });
  let now = 0;
  const writers = (buffers.rings as readonly TraceRing[]).map((ring) => new TraceWriter(ring, () => now));
  for (const [cpu, at, kind, a, b, from] of records) {
    now = at;
    const writer = writers[cpu] as TraceWriter;
    if (from === undefined && kind !== EV_WAKE) writer.hear(kind, a, b, 0);
    else writer.write(kind, at, from ?? at, a, b, 0, 0);
  }
  return makeTimeline(buffers, WORDS);
}

test('the counters of a device go up and down with its lists, whatever puts a bio there', async (t) => {
  const kinds: [number, number, number][] = [
    [EV_IO_START, MD, 0],
    [EV_IO_START, MD, 0],
    [EV_BIO_DEFERRED, BIO, MD],
    [EV_BIO_DEFERRED, OTHER, MD],
    [EV_DISPATCH, BIO, MD],
    // A barrier waits for others, or is put behind what comes back.
    [EV_BIO_PUSHED_HEAD, BIO, MD],
    [EV_DISPATCH, BIO, MD],
    [EV_BARRIER_BEHIND, MD, BIO],
    [EV_BIO_PUSHED_BACK, 768, MD],
    [EV_IO_END, MD, 0],
    [EV_PUSHBACK_MERGE, MD, 0],
    [EV_DISPATCH, 768, MD],
    [EV_IO_END, MD, 0],
  ];
  const { counters } = timelineFrom(kinds.map(([kind, a, b], i) => [0, 10 * (i + 1), kind, a, b] as const));
  const values = (wanted: string): number[] => counters.flatMap(({ name, value }) => (name === wanted ? [value] : []));
  t.strictSame(values('pending'), [1, 2, 1, 0]);
  t.strictSame(values('deferred'), [1, 2, 1, 2, 1, 2, 3, 2]);
  t.strictSame(values('pushback'), [1, 0]);
});

test('an arrow leads from the submission of a bio to its completion, and on to whom that has woken, and to nobody else', async (t) => {
  const WAITER = 32;
  const { arrows } = timelineFrom([
    [0, 10, EV_BIO_SUBMIT, BIO, 0],
    [1, 20, EV_BIO_SUBMIT, OTHER, 0],
    // The rest of a bio that was split.
    [0, 30, EV_BIO_SUBMIT, BIO, 0],
    [2, 40, EV_BIO_END, OTHER, 0],
    [1, 50, EV_BIO_END, BIO, 0],
    [1, 55, EV_WAKE, WAITER, 0],
    // Its address has become another bio.
    [0, 60, EV_BIO_SUBMIT, BIO, 0],
    [0, 90, RECORD_TASK, WAITER, 0, 70],
  ]);
  const point = (what: string, lane: number, atNs: number) => ({ what, lane, atNs: atNs - 10 });
  t.strictSame(
    arrows.map(({ points }) => points),
    [
      [point('submission', 0, 10), point('completion', 1, 50), point('wake-up', 0, 70)],
      [point('submission', 1, 20), point('completion', 2, 40)],
      [point('submission', 0, 60)],
    ],
  );
});
