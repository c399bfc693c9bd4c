/**
 * What Perfetto and chrome://tracing ask of a file in the Trace Event format, as complaints: the shape of each event, and how they hang together.
 */
import { Ajv } from 'ajv';
import type { TraceEvent, TraceFile } from '../../src/profile/trace-event.ts';

const lane = ({ pid, tid }: TraceEvent): string => `${pid}/${tid}`;
const end = ({ ts, dur = 0 }: TraceEvent): number => ts + dur;
/** Times in whole nanoseconds, as Perfetto reads them. */
const inPerfetto = (event: TraceEvent): TraceEvent => ({
  ...event,
  ts: Math.trunc(event.ts * 1000),
  dur: Math.trunc((event.dur ?? 0) * 1000),
});
/** Of arrows, whose points are no ends of slices. */
const ROUNDING = 0.002;

const text = { type: 'string', minLength: 1 };
const number = { type: 'number', minimum: 0 };
const whole = { type: 'integer', minimum: 0 };
const words = { type: 'object', additionalProperties: { type: ['string', 'number'] } };
const common = { name: text, pid: whole, tid: whole, ts: number };

/** An event of these phases: what it must have, and what it may have. Nothing else. */
const event = (phases: readonly string[], has: object, may: object = {}): object => ({
  type: 'object',
  properties: { ph: { enum: phases }, ...common, ...has, ...may },
  required: [...new Set(['ph', ...Object.keys(common), ...Object.keys(has)])],
  additionalProperties: false,
});

/** The events that a trace has, as https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU describes them. */
const EVENT = {
  oneOf: [
    event(['X'], { cat: text, dur: number }, { args: words }),
    event(['b', 'e'], { cat: text, id: text }, { args: words }),
    event(['s', 't'], { cat: text, id: text }),
    event(['f'], { cat: text, id: text, bp: { const: 'e' } }),
    event(['C'], { args: { type: 'object', minProperties: 1, additionalProperties: { type: 'number' } } }),
    event(['M'], {
      name: { enum: ['process_name', 'thread_name'] },
      args: { type: 'object', properties: { name: text }, required: ['name'], additionalProperties: false },
    }),
  ],
};
const FILE = {
  type: 'object',
  properties: {
    displayTimeUnit: { enum: ['ms', 'ns'] },
    otherData: { type: 'object', additionalProperties: { type: 'string' } },
    traceEvents: { type: 'array' },
  },
  required: ['traceEvents'],
  additionalProperties: false,
};
const ajv = new Ajv({ strict: false });
const isFile = ajv.compile(FILE);
const isEvent = ajv.compile(EVENT);

const brokenEvent = (each: TraceEvent): string | null =>
  isEvent(each) ? null : `${JSON.stringify(each)} is no event of the format`;

/** Complete events of a thread lie inside each other or apart. */
function crossing(events: readonly TraceEvent[]): string[] {
  const found: string[] = [];
  const open = new Map<string, TraceEvent[]>();
  for (const event of events.filter(({ ph }) => ph === 'X').sort((a, b) => a.ts - b.ts || end(b) - end(a))) {
    const stack = open.get(lane(event)) ?? [];
    while (stack.length > 0 && end(stack.at(-1) as TraceEvent) <= event.ts) stack.pop();
    const outer = stack.at(-1);
    if (outer !== undefined && end(event) > end(outer))
      found.push(`${event.name} at ${event.ts} ends after ${outer.name}, in which it began`);
    stack.push(event);
    open.set(lane(event), stack);
  }
  return found;
}

/** Each asynchronous slice begins once and then ends once, under the same name in the same process. */
function unpaired(events: readonly TraceEvent[]): string[] {
  const phases = new Map<string, string>();
  for (const { ph, cat, id, pid, name } of events) {
    if (ph !== 'b' && ph !== 'e') continue;
    const key = `${cat}/${id}/${pid}/${name}`;
    phases.set(key, (phases.get(key) ?? '') + ph);
  }
  return [...phases].filter(([, all]) => all !== 'be').map(([key, all]) => `${key} goes ${all}, not be`);
}

/** Each process has one name, and each thread with slices. */
function unnamed(events: readonly TraceEvent[]): string[] {
  const names = new Map<string, number>();
  const count = (what: string): Map<string, number> => names.set(what, (names.get(what) ?? 0) + 1);
  for (const each of events.filter(({ ph }) => ph === 'M'))
    count(each.name === 'process_name' ? `process ${each.pid}` : `thread ${lane(each)}`);
  const wanted = events.flatMap((each) => [
    `process ${each.pid}`,
    ...(each.ph === 'X' ? [`thread ${lane(each)}`] : []),
  ]);
  return [...new Set(wanted)].flatMap((what) => {
    const times = names.get(what) ?? 0;
    return times === 1 ? [] : [`${what} has ${times} names`];
  });
}

/** In the order of their times; names come first. */
const unsorted = (events: readonly TraceEvent[]): string[] =>
  events
    .slice(1)
    .flatMap((each, i) => (each.ts < (events[i] as TraceEvent).ts ? [`${each.name} at ${each.ts} comes late`] : []));

/** Arrows go forwards, from s over t to f, and each of their points lies in a slice of its thread. */
function brokenArrows(events: readonly TraceEvent[]): string[] {
  const found: string[] = [];
  const arrows = new Map<string, TraceEvent[]>();
  for (const event of events)
    if (['s', 't', 'f'].includes(event.ph))
      arrows.set(event.id as string, [...(arrows.get(event.id as string) ?? []), event]);
  const slices = events.filter(({ ph }) => ph === 'X');
  for (const [id, points] of arrows) {
    const phases = points.map(({ ph }) => ph).join('');
    if (!/^st?f$/.test(phases)) found.push(`arrow ${id} goes ${phases}`);
    for (const point of points) {
      const isInside = slices.some(
        (slice) => lane(slice) === lane(point) && slice.ts <= point.ts + ROUNDING && end(slice) >= point.ts - ROUNDING,
      );
      if (!isInside) found.push(`arrow ${id}: no slice at ${point.ts} of ${lane(point)}`);
    }
  }
  return found;
}

export function traceComplaints(file: TraceFile): string[] {
  const events = file.traceEvents;
  return [
    ...(isFile(file) ? [] : ['the file is none of the format']),
    ...events.flatMap((each) => brokenEvent(each) ?? []),
    ...unnamed(events),
    ...unsorted(events),
    ...crossing(events),
    ...crossing(events.map(inPerfetto)).map((complaint) => `for Perfetto ${complaint}`),
    ...unpaired(events),
    ...brokenArrows(events),
  ];
}
