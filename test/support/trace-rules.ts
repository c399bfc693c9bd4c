/** What Perfetto and chrome://tracing ask of a file in the Trace Event format, as complaints. */
import type { TraceEvent, TraceFile } from '../../src/profile/trace-event.ts';

const lane = ({ pid, tid }: TraceEvent): string => `${pid}/${tid}`;
const end = ({ ts, dur = 0 }: TraceEvent): number => ts + dur;
/** Timestamps are microseconds with a fraction. */
const ROUNDING = 0.002;

function brokenEvent(event: TraceEvent): string | null {
  const { ph, name, pid, tid, ts, dur } = event;
  if (typeof name !== 'string' || name === '') return `an event of phase ${ph} has no name`;
  if (![pid, tid, ts].every((value) => Number.isFinite(value) && value >= 0)) return `${name}: pid, tid or ts`;
  if (ph === 'X' && !(Number.isFinite(dur) && (dur as number) >= 0)) return `${name}: an X event without a duration`;
  if (['b', 'e', 's', 't', 'f'].includes(ph) && (event.id === undefined || event.cat === undefined))
    return `${name}: a ${ph} event without id or cat`;
  return null;
}

/** Complete events of a thread lie inside each other or apart. */
function crossing(events: readonly TraceEvent[]): string[] {
  const found: string[] = [];
  const open = new Map<string, TraceEvent[]>();
  for (const event of events.filter(({ ph }) => ph === 'X').sort((a, b) => a.ts - b.ts || end(b) - end(a))) {
    const stack = open.get(lane(event)) ?? [];
    while (stack.length > 0 && end(stack.at(-1) as TraceEvent) <= event.ts + ROUNDING) stack.pop();
    const outer = stack.at(-1);
    if (outer !== undefined && end(event) > end(outer) + ROUNDING)
      found.push(`${event.name} at ${event.ts} ends after ${outer.name}, in which it began`);
    stack.push(event);
    open.set(lane(event), stack);
  }
  return found;
}

/** Each asynchronous slice that begins ends, once. */
function unpaired(events: readonly TraceEvent[]): string[] {
  const open = new Map<string, number>();
  for (const { ph, cat, id } of events) {
    if (ph !== 'b' && ph !== 'e') continue;
    const key = `${cat}/${id}`;
    open.set(key, (open.get(key) ?? 0) + (ph === 'b' ? 1 : -1));
  }
  return [...open].filter(([, left]) => left !== 0).map(([key]) => `${key} does not begin and end once`);
}

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

export function traceComplaints({ traceEvents }: TraceFile): string[] {
  const events = [...traceEvents];
  const named = new Set(events.filter(({ ph }) => ph === 'M').map(({ pid }) => pid));
  return [
    ...events.flatMap((event) => brokenEvent(event) ?? []),
    ...events.filter(({ pid }) => !named.has(pid)).map(({ name, pid }) => `${name}: process ${pid} has no name`),
    ...crossing(events),
    ...unpaired(events),
    ...brokenArrows(events),
  ];
}
