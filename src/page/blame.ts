/**
 * The blame graph: an arrow from where somebody waited to where the one had taken the lock whom he waited for. The thicker, the longer.
 */
import { Graph, layout } from '@dagrejs/dagre';
import { create, curveBasis, line, max, rollups, type Selection, scaleSqrt, sum } from 'd3';
import type { LockStat } from '../profile/report.ts';
import { h } from './dom.ts';
import { colourOf } from './theme.ts';
import { duration } from './units.ts';

/** More could not be told apart; the tables have all. */
const EDGES_MAX = 40;
const LETTER = 7;
const NODE_HEIGHT = 26;

interface Edge {
  readonly waiterSite: string;
  readonly holderSite: string;
  readonly lock: string;
  readonly count: number;
  readonly waitNs: number;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Who it was does not matter here, only where: the longest waits first. */
function edgesOf(locks: readonly LockStat[]): Edge[] {
  const all = locks.flatMap((lock) => lock.blame.map((edge) => ({ ...edge, lock: lock.class })));
  return rollups(
    all,
    (same) => ({ count: sum(same, ({ count }) => count), waitNs: sum(same, ({ waitNs }) => waitNs) }),
    ({ waiterSite, holderSite, lock }) => JSON.stringify([waiterSite, holderSite, lock]),
  )
    .map(([key, value]) => {
      const [waiterSite, holderSite, lock] = JSON.parse(key) as [string, string, string];
      return { waiterSite, holderSite, lock, ...value };
    })
    .sort((a, b) => b.waitNs - a.waitNs)
    .slice(0, EDGES_MAX);
}

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly (Point & { readonly site: string; readonly width: number })[];
  readonly arrows: readonly (Point & { readonly edge: Edge; readonly points: readonly Point[] })[];
}

function laidOut(edges: readonly Edge[]): Layout {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 90, edgesep: 16, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  const sites = [...new Set(edges.flatMap(({ waiterSite, holderSite }) => [waiterSite, holderSite]))];
  for (const site of sites) graph.setNode(site, { width: site.length * LETTER + 16, height: NODE_HEIGHT });
  for (const [index, { waiterSite, holderSite }] of edges.entries())
    graph.setEdge(waiterSite, holderSite, { width: 60, height: 14, labelpos: 'c' }, String(index));
  layout(graph);
  const { width, height } = graph.graph() as { width: number; height: number };
  return {
    width,
    height,
    nodes: sites.map((site) => ({ site, ...(graph.node(site) as Point & { width: number }) })),
    arrows: edges.map((edge, index) => {
      const of: unknown = graph.edge(edge.waiterSite, edge.holderSite, String(index));
      return { edge, ...(of as Point & { points: Point[] }) };
    }),
  };
}

const said = ({ waiterSite, holderSite, lock, count, waitNs }: Edge): string =>
  `${waiterSite} waited for ${holderSite}, ${lock}: ${count.toLocaleString('en')} times, ${duration(waitNs)}`;

/** The point of an arrow, in the definition that all share. */
function addArrowhead(svg: Selection<SVGSVGElement, undefined, null, undefined>): void {
  svg
    .append('marker')
    .attr('id', 'arrow')
    .attr('viewBox', '0 0 8 8')
    .attr('refX', 7)
    .attr('refY', 4)
    .attr('markerWidth', 9)
    .attr('markerHeight', 9)
    .attr('markerUnits', 'userSpaceOnUse')
    .attr('orient', 'auto')
    .append('path')
    .attr('d', 'M0,0L8,4L0,8z')
    .attr('fill', 'var(--muted)');
}

export function blameGraph(locks: readonly LockStat[]): HTMLElement {
  const edges = edgesOf(locks);
  if (edges.length === 0) return h('p', { class: 'none' }, 'Nobody waited for anybody.');
  const { width, height, nodes, arrows } = laidOut(edges);
  const thickness = scaleSqrt([0, max(edges, ({ waitNs }) => waitNs) ?? 1], [1, 7]);
  const path = line<Point>(
    ({ x }) => x,
    ({ y }) => y,
  ).curve(curveBasis);
  const svg = create('svg')
    .attr('width', width)
    .attr('height', height)
    .attr('viewBox', `0 0 ${width} ${height}`)
    .attr('role', 'img')
    .attr('aria-label', `Who waited for whom. ${edges.slice(0, 5).map(said).join('. ')}`);
  addArrowhead(svg);
  const drawn = svg.selectAll('g.edge').data(arrows).join('g').attr('class', 'edge');
  drawn
    .append('path')
    .attr('d', ({ points }) => path(points))
    .attr('fill', 'none')
    .attr('stroke', ({ edge }) => `var(--${colourOf(edge.lock)})`)
    .attr('stroke-width', ({ edge }) => thickness(edge.waitNs))
    .attr('marker-end', 'url(#arrow)');
  drawn
    .append('text')
    .attr('class', 'halo')
    .attr('x', ({ x }) => x)
    .attr('y', ({ y }) => y + 4)
    .text(({ edge }) => duration(edge.waitNs));
  drawn.append('title').text(({ edge }) => said(edge));
  const boxes = svg
    .selectAll('g.node')
    .data(nodes)
    .join('g')
    .attr('class', 'node')
    .attr('transform', ({ x, y }) => `translate(${x},${y})`);
  boxes
    .append('rect')
    .attr('x', (node) => -node.width / 2)
    .attr('y', -NODE_HEIGHT / 2)
    .attr('width', (node) => node.width)
    .attr('height', NODE_HEIGHT)
    .attr('rx', 5);
  boxes
    .append('text')
    .attr('y', 4)
    .text(({ site }) => site);
  return h('div', { class: 'wide graph', tabindex: 0, role: 'region', 'aria-label': 'Blame graph' }, svg.node());
}
