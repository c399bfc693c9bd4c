/**
 * A run as lanes: a lane for each device with the phases of its suspends, and for each CPU one with who is on it, who moves at which step,
 * and which locks are held.
 */

import type { Points, Run, RunContext } from './data.ts';
import type { LaneBar, LaneData, LaneMark } from './lanes.ts';
import { rowsOf, stacked } from './stack.ts';
import { colourOf } from './theme.ts';

/** The stretches in which a value stands. */
function* stretches<T>(points: Points<T>, end: number): Iterable<readonly [from: number, to: number, value: T]> {
  for (const [index, [from, value]] of points.entries()) yield [from, points[index + 1]?.[0] ?? end, value];
}

/** What happened after a step is drawn from the middle of its column on. */
const MIDDLE = 0.5;

/** Bars of one lock each, from where it is first held to where it no longer is. */
function holdBars(context: RunContext, end: number): LaneBar[] {
  const bars: LaneBar[] = [];
  const open = new Map<string, number>();
  const close = (name: string, to: number): void => {
    const from = open.get(name) as number;
    open.delete(name);
    bars.push({
      lane: context.lane,
      row: 0,
      from: from + MIDDLE,
      to: to + MIDDLE,
      name,
      title: `${context.name} holds ${name}, steps ${from + 1} to ${to + 1}`,
      colour: colourOf(name),
      look: 'plain',
    });
  };
  for (const [from, , locks] of stretches(context.holds, end)) {
    for (const name of [...open.keys()]) if (!locks.includes(name)) close(name, from);
    for (const name of locks) if (!open.has(name)) open.set(name, from);
  }
  for (const name of [...open.keys()]) close(name, end - MIDDLE);
  return bars;
}

function waitBars(context: RunContext, end: number): LaneBar[] {
  return [...stretches(context.waits, end - MIDDLE)]
    .filter(([, , what]) => what !== '')
    .map(([from, to, what]) => ({
      lane: context.lane,
      row: 0,
      from: from + MIDDLE,
      to: to + MIDDLE,
      name: `${context.name} waits for ${what}`,
      title: `${context.name} waits for ${what}, steps ${from + 1} to ${Math.ceil(to) + 1}`,
      colour: 'bad',
      look: 'faint' as const,
    }));
}

/** Who is on a CPU: from its first step there until another moves there or it ends; and each step that it makes. */
function stepBars(run: Run): LaneBar[] {
  const end = run.steps.length;
  const bars: LaneBar[] = [];
  const since = new Map<number, { context: number; from: number }>();
  const endOf = ({ alive }: RunContext): number => alive.find(([, is]) => !is)?.[0] ?? end;
  const leave = (lane: number, to: number): void => {
    const on = since.get(lane);
    if (on === undefined) return;
    const context = run.contexts[on.context] as RunContext;
    const until = Math.max(on.from + 1, Math.min(to, endOf(context) + 1));
    const { name } = context;
    bars.push({ lane, row: 0, from: on.from, to: until, name, title: name, colour: colourOf(name), look: 'faint' });
  };
  for (const [index, step] of run.steps.entries()) {
    const context = run.contexts[step.context] as RunContext;
    const { lane, name } = context;
    if (since.get(lane)?.context !== step.context) {
      leave(lane, index);
      since.set(lane, { context: step.context, from: index });
    }
    const title = `step ${index + 1}: ${name}, ${step.text}`;
    bars.push({ lane, row: 0, from: index, to: index + 1, name: '', title, colour: colourOf(name), look: 'solid' });
  }
  for (const lane of since.keys()) leave(lane, end);
  return bars;
}

function phaseBars(run: Run, firstLane: number): LaneBar[] {
  return run.watched.flatMap(({ name: device, fields }, index) =>
    [...stretches(fields.find(({ name }) => name === 'phase')?.points ?? [], run.steps.length)]
      .filter(([, , [phase]]) => phase !== 'idle')
      .map(([from, to, [phase = '']]) => ({
        lane: firstLane + index,
        row: 0,
        from: from + 1,
        to: to + 1,
        name: phase,
        title: `${device}: ${phase}, steps ${from + 1} to ${to}`,
        colour: colourOf(`phase ${phase}`),
        look: 'plain' as const,
      })),
  );
}

/** Lanes of CPUs come first, those of devices after. */
export function runLanes(run: Run): LaneData {
  const end = run.steps.length;
  const locks = stacked(
    run.contexts.flatMap((context) => [...holdBars(context, end), ...waitBars(context, end)]),
    () => 1,
  );
  const cpus = run.lanes.map((name, lane) => ({ name, rows: Math.max(1, rowsOf(locks, lane)) }));
  const watched = run.watched.filter(({ fields }) => fields.some(({ name }) => name === 'phase'));
  const bars = [...stepBars(run), ...locks, ...phaseBars({ ...run, watched }, cpus.length)];
  return {
    lanes: [...cpus, ...watched.map(({ name }) => ({ name, rows: 1 }))],
    bars: bars.sort((a, b) => a.from - b.from),
    marks: marksOf(run),
    arrows: [],
    curves: [],
    from: 0,
    to: end,
    shortest: 12,
    show: (at) => (Number.isInteger(at) ? `step ${at + 1}` : ''),
  };
}

/** Switches, and the decisive step. */
function marksOf({ steps, contexts, decisive }: Run): LaneMark[] {
  const laneOf = (step: number): number => contexts[steps[step]?.context ?? 0]?.lane ?? 0;
  const marks = [...steps.keys()]
    .filter((step) => steps[step]?.turned)
    .map((step) => ({ lane: laneOf(step), at: step, colour: 'accent' }));
  return decisive === null ? marks : [...marks, { lane: laneOf(decisive), at: decisive + MIDDLE, colour: 'bad' }];
}
