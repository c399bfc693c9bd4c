/**
 * A histogram of durations: a bar for each power of two.
 */
import { axisBottom, axisLeft, create, max, scaleBand, scaleLinear } from 'd3';
import type { Durations } from '../profile/report.ts';
import { h } from './dom.ts';
import { duration } from './units.ts';

const WIDTH = 460;
const HEIGHT = 170;
const EDGE = { top: 8, right: 8, bottom: 26, left: 52 };
/** Labels on the axis at most. */
const LABELS = 7;

/** All powers of two from the first bar to the last one: empty bars are part of the picture. */
function filled({ histogram }: Durations): { fromNs: number; count: number }[] {
  const counts = new Map(histogram.map(({ fromNs, count }) => [fromNs, count]));
  const ends = histogram.map(({ fromNs }) => fromNs);
  const bars: { fromNs: number; count: number }[] = [];
  if (counts.has(0)) bars.push({ fromNs: 0, count: counts.get(0) ?? 0 });
  const positive = ends.filter((from) => from > 0);
  for (let from = Math.min(...positive); from <= Math.max(...positive); from *= 2)
    bars.push({ fromNs: from, count: counts.get(from) ?? 0 });
  return bars;
}

export function histogram(title: string, durations: Durations, colour: string): HTMLElement {
  const { timed, p50, p90, p99 } = durations;
  if (timed === 0) return h('figure', {}, h('figcaption', {}, `${title}: none`));
  const said = `${timed.toLocaleString('en')} timed, p50 ${duration(p50)}, p90 ${duration(p90)}, p99 ${duration(p99)}, longest ${duration(durations.max)}`;
  const bars = filled(durations);
  const x = scaleBand(
    bars.map(({ fromNs }) => String(fromNs)),
    [EDGE.left, WIDTH - EDGE.right],
  ).paddingInner(0.08);
  const y = scaleLinear([0, max(bars, ({ count }) => count) ?? 1], [HEIGHT - EDGE.bottom, EDGE.top]).nice(4);
  const every = Math.ceil(bars.length / LABELS);
  const ticks = x.domain().filter((_, index) => index % every === 0);
  const svg = create('svg')
    .attr('viewBox', `0 0 ${WIDTH} ${HEIGHT}`)
    .attr('width', WIDTH)
    .attr('height', HEIGHT)
    .attr('role', 'img')
    .attr('aria-label', `${title}: ${said}`);
  svg
    .selectAll('rect')
    .data(bars)
    .join('rect')
    .attr('fill', `var(--${colour})`)
    .attr('x', ({ fromNs }) => x(String(fromNs)) ?? 0)
    .attr('width', x.bandwidth())
    .attr('y', ({ count }) => y(count))
    .attr('height', ({ count }) => y(0) - y(count))
    .append('title')
    .text(
      ({ fromNs, count }) =>
        `${duration(fromNs)} to ${duration(Math.max(1, 2 * fromNs))}: ${count.toLocaleString('en')}`,
    );
  const bottom = axisBottom(x)
    .tickValues(ticks)
    .tickFormat((from) => duration(Number(from)));
  svg
    .append('g')
    .attr('transform', `translate(0,${HEIGHT - EDGE.bottom})`)
    .call(bottom);
  svg.append('g').attr('transform', `translate(${EDGE.left},0)`).call(axisLeft(y).ticks(4));
  return h('figure', {}, h('figcaption', {}, h('b', {}, title), ` ${said}`), svg.node());
}
