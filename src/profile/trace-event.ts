/**
 * A timeline in the Trace Event format, as Perfetto and chrome://tracing open it.
 *
 * Each CPU is a process of the trace, with a thread for what nests on it: tasks, interrupts, waits that keep the CPU. Holds and
 * waits that sleep outlast the task's stay on its CPU, so they are asynchronous slices. Devices are one more process.
 */
import type { Slice, Timeline } from './report.ts';

/** An event of the format. `ts` and `dur` are in microseconds. */
export interface TraceEvent {
  readonly ph: 'X' | 'b' | 'e' | 'C' | 's' | 't' | 'f' | 'M';
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly id?: string;
  readonly bp?: 'e';
  readonly args?: Readonly<Record<string, string | number>>;
}

export interface TraceFile {
  readonly displayTimeUnit: 'ns';
  readonly otherData: Readonly<Record<string, string>>;
  readonly traceEvents: readonly TraceEvent[];
}

const RUN_THREAD = 1;

function processes({ cpus, devices }: Timeline): TraceEvent[] {
  const named = (what: string, name: string, pid: number, tid: number): TraceEvent => ({
    ph: 'M',
    name: what,
    pid,
    tid,
    ts: 0,
    args: { name },
  });
  const events: TraceEvent[] = [];
  for (let cpu = 0; cpu <= cpus; cpu++) {
    events.push(named('process_name', cpu === cpus ? 'interrupt actor' : `CPU ${cpu}`, cpu + 1, 0));
    events.push(named('thread_name', 'tasks and interrupts', cpu + 1, RUN_THREAD));
  }
  events.push(named('process_name', 'devices', cpus + 2, 0));
  for (let device = 0; device < devices; device++)
    events.push(named('thread_name', `device ${device}: suspend`, cpus + 2, device + 1));
  return events;
}

/**
 * Microseconds, as a multiple of 1/1024: thousandths have no exact binary fraction, and where a viewer adds and subtracts them slices
 * that only touch would cross.
 */
const us = (ns: number): number => Math.round(ns * 1.024) / 1024;
/** Two such multiples: more than a nanosecond. */
const BIT_MORE_THAN_NS = 2 / 1024;

/** When a slice ends for Perfetto, in nanoseconds: it cuts `ts` and `dur` off to whole ones, each by itself. */
const cutEnd = ({ ts, dur = 0 }: TraceEvent): number => Math.trunc(ts * 1000) + Math.trunc(dur * 1000);

/**
 * Perfetto leaves a slice out that ends after the one in which it began, be it by the nanosecond that it has cut off that one itself. So a
 * slice that ends together with the one around it ends before it. Takes events in the order in which they are written.
 */
function nested(events: readonly TraceEvent[]): TraceEvent[] {
  const open = new Map<string, TraceEvent[]>();
  return events.map((event) => {
    if (event.ph !== 'X') return event;
    const lane = `${event.pid}/${event.tid}`;
    const around = open.get(lane) ?? [];
    open.set(lane, around);
    while (around.length > 0 && cutEnd(around.at(-1) as TraceEvent) <= Math.trunc(event.ts * 1000)) around.pop();
    const outer = around.at(-1);
    const fits = outer === undefined || cutEnd(event) <= cutEnd(outer);
    const inner = fits ? event : { ...event, dur: Math.max(0, (event.dur ?? 0) - BIT_MORE_THAN_NS) };
    around.push(inner);
    return inner;
  });
}

/** Waits and holds that may overlap others of their CPU. */
const overlaps = ({ kind, sleeping }: Slice): boolean => kind === 'hold' || (kind === 'wait' && sleeping);

function sliceEvents(slice: Slice, number: number, { cpus }: Timeline): TraceEvent[] {
  const { kind, lane, startNs, durationNs, site, who } = slice;
  const isLock = kind === 'wait' || kind === 'hold';
  const name = isLock ? `${kind === 'wait' ? 'waits for' : 'holds'} ${slice.name}` : slice.name;
  const pid = kind === 'suspend' ? cpus + 2 : lane + 1;
  const tid = kind === 'suspend' ? lane + 1 : RUN_THREAD;
  const args = isLock ? { args: { site, who } } : {};
  if (!overlaps(slice)) {
    const dur = us(startNs + durationNs) - us(startNs);
    return [{ ph: 'X', cat: kind, name, pid, tid, ts: us(startNs), dur, ...args }];
  }
  const id = String(number);
  return [
    { ph: 'b', cat: kind, name, pid, tid, id, ts: us(startNs), ...args },
    { ph: 'e', cat: kind, name, pid, tid, id, ts: us(startNs + durationNs) },
  ];
}

const ARROW_PHASES = ['s', 't', 'f'] as const;

function arrowEvents({ arrows }: Timeline): TraceEvent[] {
  return arrows.flatMap(({ id, points }) =>
    points.length < 2
      ? []
      : points.map(({ lane, atNs }, i): TraceEvent => {
          const ph = i === points.length - 1 ? 'f' : (ARROW_PHASES[i] as 's' | 't');
          const end = ph === 'f' ? { bp: 'e' as const } : {};
          return { ph, cat: 'bio', name: 'bio', pid: lane + 1, tid: RUN_THREAD, id: String(id), ts: us(atNs), ...end };
        }),
  );
}

/** `about`: what a reader has to know of the trace, in words. */
export function traceFile(timeline: Timeline, about: Readonly<Record<string, string>>): TraceFile {
  const events = [
    ...timeline.slices.flatMap((slice, number) => sliceEvents(slice, number + 1, timeline)),
    ...timeline.counters.map(
      ({ device, name, atNs, value }): TraceEvent => ({
        ph: 'C',
        name: `device ${device}: ${name}`,
        pid: timeline.cpus + 2,
        tid: 0,
        ts: us(atNs),
        args: { [name]: value },
      }),
    ),
    ...arrowEvents(timeline),
  ];
  events.sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0));
  return { displayTimeUnit: 'ns', otherData: about, traceEvents: [...processes(timeline), ...nested(events)] };
}
