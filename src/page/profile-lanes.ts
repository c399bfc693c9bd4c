/**
 * A timeline as lanes: a lane for each CPU, with tasks and the interrupts on top of them, below them the locks; and one for each device,
 * with the phases of its suspends and the number of bios that are pending, deferred and pushed back.
 */
import type { CounterPoint, Slice, SliceKind, Timeline } from '../profile/report.ts';
import type { LaneArrow, LaneBar, LaneCurve, LaneData } from './lanes.ts';
import { rowsOf, stacked } from './stack.ts';
import { colourOf } from './theme.ts';
import { duration } from './units.ts';

const LOOKS: Readonly<Record<SliceKind, LaneBar['look']>> = {
  task: 'plain',
  hardirq: 'solid',
  softirq: 'solid',
  wait: 'solid',
  hold: 'plain',
  suspend: 'plain',
};
const COUNTERS: Readonly<Record<CounterPoint['name'], string>> = { pending: 'c0', deferred: 'c1', pushback: 'c6' };
/** Rows of a device's lane below its phases, for its curves. */
const CURVE_ROWS = 2;
/** The shortest stretch that is worth the whole width, in nanoseconds. */
const SHORTEST = 2000;

const isAboutLock = ({ kind }: Slice): boolean => kind === 'wait' || kind === 'hold';

function barOf(slice: Slice, lane: number): LaneBar {
  const { kind, name, startNs, durationNs, site, who, sleeping } = slice;
  const shown = kind === 'wait' ? `waits: ${name}` : name;
  const does = { task: 'runs', hardirq: 'hard interrupt', softirq: 'soft interrupt', suspend: 'suspend' };
  const what =
    kind === 'wait' ? `${who} waits for ${name}` : kind === 'hold' ? `${who} holds ${name}` : `${name}, ${does[kind]}`;
  const how = kind === 'wait' && sleeping ? ', asleep' : '';
  return {
    lane,
    row: 0,
    from: startNs,
    to: startNs + durationNs,
    name: shown,
    title: `${what}${how}: ${duration(durationNs)}${site === '' ? '' : ` at ${site}`}`,
    colour: kind === 'wait' ? 'bad' : colourOf(kind === 'suspend' ? `phase ${name}` : name),
    look: LOOKS[kind],
  };
}

function curvesOf({ counters, devices }: Timeline, laneOf: (device: number) => number): LaneCurve[] {
  const names = Object.keys(COUNTERS) as CounterPoint['name'][];
  return Array.from({ length: devices }, (_, device) =>
    names.map((name) => ({
      lane: laneOf(device),
      row: 1,
      name,
      colour: COUNTERS[name],
      points: counters
        .filter((point) => point.device === device && point.name === name)
        .map(({ atNs, value }) => [atNs, value] as const),
    })),
  )
    .flat()
    .filter(({ points }) => points.length > 0);
}

function arrowsOf({ arrows }: Timeline): LaneArrow[] {
  return arrows.flatMap(({ points }) =>
    points.slice(1).map((to, index) => {
      const from = points[index] as (typeof points)[number];
      const colour = to.what === 'wake-up' ? 'good' : 'accent';
      return { fromLane: from.lane, from: from.atNs, toLane: to.lane, to: to.atNs, colour };
    }),
  );
}

export function profileLanes(timeline: Timeline): LaneData {
  const { cpus, devices, slices, fromNs, toNs } = timeline;
  // The interrupt actor has a lane behind those of the CPUs, devices come after.
  const first = cpus + 1;
  const ofCpus = slices.filter(({ kind }) => kind !== 'suspend');
  const barsOf = (some: readonly Slice[]): LaneBar[] => some.map((slice) => barOf(slice, slice.lane));
  const running = stacked(barsOf(ofCpus.filter((slice) => !isAboutLock(slice))), () => 0);
  const below = Array.from({ length: first }, (_, lane) => Math.max(1, rowsOf(running, lane)));
  const locks = stacked(barsOf(ofCpus.filter(isAboutLock)), (lane) => below[lane] ?? 1);
  const phases = slices.filter(({ kind }) => kind === 'suspend').map((slice) => barOf(slice, first + slice.lane));
  const bars = [...running, ...locks, ...phases];
  return {
    lanes: [
      ...Array.from({ length: first }, (_, lane) => ({
        name: lane === cpus ? 'interrupt actor' : `CPU ${lane}`,
        rows: Math.max(1, rowsOf(bars, lane)),
      })),
      ...Array.from({ length: devices }, (_, device) => ({ name: `dm${device}`, rows: 1 + CURVE_ROWS })),
    ],
    bars: bars.sort((a, b) => a.from - b.from),
    marks: [],
    arrows: arrowsOf(timeline),
    curves: curvesOf(timeline, (device) => first + device),
    from: fromNs,
    to: toNs,
    shortest: SHORTEST,
    show: duration,
  };
}
