/**
 * Lanes with zoom: what each CPU does over time, as bars on a canvas, since there can be many thousands.
 *
 * A lane has rows; a bar lies in one of them. Bars narrower than a pixel share one. All that is drawn can be read elsewhere on the page,
 * as text.
 */
import { type D3ZoomEvent, scaleLinear, select, type ZoomTransform, zoom, zoomIdentity } from 'd3';
import { fill, h } from './dom.ts';
import type { Key } from './keys.ts';
import { colour, THEME_CHANGED } from './theme.ts';

export interface LaneBar {
  readonly lane: number;
  readonly row: number;
  readonly from: number;
  readonly to: number;
  /** Shown in the bar, if it has room. */
  readonly name: string;
  /** Shown when the pointer is over it. */
  readonly title: string;
  /** A colour of the style; `solid` stands out, `faint` lies behind. */
  readonly colour: string;
  readonly look: 'solid' | 'plain' | 'faint';
}

/** Something that happens at once: a thin line through a lane. */
export interface LaneMark {
  readonly lane: number;
  readonly at: number;
  readonly colour: string;
}

/** From one lane to another. */
export interface LaneArrow {
  readonly fromLane: number;
  readonly from: number;
  readonly toLane: number;
  readonly to: number;
  readonly colour: string;
}

/** A number over time, as a line. */
export interface LaneCurve {
  readonly lane: number;
  /** From this row to the last one of the lane. */
  readonly row: number;
  readonly name: string;
  readonly colour: string;
  readonly points: readonly (readonly [at: number, value: number])[];
}

export interface LaneData {
  readonly lanes: readonly { readonly name: string; readonly rows: number }[];
  /** By `from`. */
  readonly bars: readonly LaneBar[];
  readonly marks: readonly LaneMark[];
  readonly arrows: readonly LaneArrow[];
  readonly curves: readonly LaneCurve[];
  readonly from: number;
  readonly to: number;
  /** The shortest stretch that is worth the whole width. */
  readonly shortest: number;
  /** What people read on the axis. */
  show(at: number): string;
}

const ROW = 17;
const GAP = 8;
const AXIS = 22;
const NAMES = 104;
/** A bar with less room shows no name. */
const NAMED = 24;
const ALPHA = { solid: 0.75, plain: 0.4, faint: 0.16 } as const;

export class Lanes {
  readonly element: HTMLElement;
  readonly #canvas = h('canvas');
  readonly #tip = h('div', { class: 'tip', hidden: true });
  readonly #name: string;
  readonly #data: LaneData;
  readonly #tops: number[] = [];
  readonly #height: number;
  /** The longest bar: how far to the left of the window one can begin that is still in it. */
  readonly #longest: number;
  readonly #base;
  readonly #zoom = zoom<HTMLCanvasElement, unknown>();
  #transform: ZoomTransform = zoomIdentity;
  #width = 0;
  #cursor: number | null = null;
  #cursorLane = -1;
  #asked = false;
  /** What to show as soon as there is a width. */
  readonly #shades = new Map<string, string>();
  #wanted: readonly [from: number, to: number] | null = null;

  constructor(name: string, data: LaneData, pick: (at: number, lane: number) => void) {
    this.#name = name;
    this.#data = data;
    let top = AXIS;
    for (const { rows } of data.lanes) {
      this.#tops.push(top);
      top += rows * ROW + GAP;
    }
    this.#height = top;
    this.#longest = data.bars.reduce((longest, { from, to }) => Math.max(longest, to - from), 0);
    this.#base = scaleLinear([data.from, data.to], [0, 1]);
    this.#canvas.setAttribute('role', 'img');
    this.element = h(
      'div',
      { class: 'lanes', role: 'group', tabindex: 0, 'aria-label': `${name}. Plus and minus zoom.` },
      h(
        'div',
        { class: 'zoom' },
        h(
          'button',
          { type: 'button', onclick: () => this.zoomBy(2), 'aria-label': 'zoom in', title: 'zoom in (+)' },
          '+',
        ),
        h(
          'button',
          { type: 'button', onclick: () => this.zoomBy(0.5), 'aria-label': 'zoom out', title: 'zoom out (−)' },
          '−',
        ),
        h('button', { type: 'button', onclick: () => this.showAll(), title: 'all of it (0)' }, 'All'),
      ),
      this.#canvas,
      this.#tip,
    );
    this.#listen(pick);
  }

  #listen(pick: (at: number, lane: number) => void): void {
    const canvas = this.#canvas;
    this.#zoom
      // The wheel alone scrolls the page.
      .filter((event: MouseEvent) => (event.type === 'wheel' ? event.ctrlKey : !event.button))
      .on('zoom', ({ transform }: D3ZoomEvent<HTMLCanvasElement, unknown>) => {
        this.#transform = transform;
        this.#ask();
      });
    select(canvas).call(this.#zoom).on('dblclick.zoom', null);
    canvas.addEventListener('click', ({ offsetX, offsetY }) => {
      if (offsetX > NAMES) pick(this.#x().invert(offsetX), this.#laneAt(offsetY));
    });
    canvas.addEventListener('pointermove', ({ offsetX, offsetY }) => this.#point(offsetX, offsetY));
    canvas.addEventListener('pointerleave', () => {
      this.#tip.hidden = true;
    });
    window.addEventListener(THEME_CHANGED, () => this.#ask());
    new ResizeObserver(() => this.#resize()).observe(this.element);
  }

  #resize(): void {
    const width = this.element.clientWidth;
    if (width === this.#width || width === 0) return;
    const seen = this.#width === 0 ? this.#wanted : this.window();
    this.#width = width;
    const { devicePixelRatio } = window;
    this.#canvas.width = width * devicePixelRatio;
    this.#canvas.height = this.#height * devicePixelRatio;
    this.#canvas.style.width = `${width}px`;
    this.#canvas.style.height = `${this.#height}px`;
    const { from, to, shortest } = this.#data;
    this.#zoom
      .scaleExtent([1, Math.max(1, (to - from) / shortest)])
      .extent([
        [NAMES, 0],
        [width, this.#height],
      ])
      .translateExtent([
        [NAMES, 0],
        [width, this.#height],
      ]);
    if (seen !== null) this.show(...seen);
    this.#ask();
  }

  /** What is in sight. */
  window(): [from: number, to: number] {
    const [from = 0, to = 0] = this.#x().domain();
    return [from, to];
  }

  /** The scale of what is in sight. */
  #x() {
    return this.#transform.rescaleX(this.#base.copy().range([NAMES, Math.max(NAMES + 1, this.#width)]));
  }

  /** What zooms. */
  readonly keys: readonly Key[] = [
    { keys: ['+', '='], shown: '+', does: 'zoom in', run: () => this.zoomBy(2) },
    { keys: ['-'], shown: '−', does: 'zoom out', run: () => this.zoomBy(0.5) },
    { keys: ['0'], shown: '0', does: 'all of it', run: () => this.showAll() },
  ];

  zoomBy(factor: number): void {
    const x = this.#x();
    const middle = this.#cursor === null ? (NAMES + this.#width) / 2 : x(this.#cursor);
    const isInSight = middle > NAMES && middle < this.#width;
    this.#zoom.scaleBy(select(this.#canvas), factor, [isInSight ? middle : (NAMES + this.#width) / 2, 0]);
  }

  showAll(): void {
    this.#zoom.transform(select(this.#canvas), zoomIdentity);
  }

  /** Shows a stretch. */
  show(from: number, to: number): void {
    this.#wanted = [from, to];
    if (this.#width === 0) return;
    const base = this.#base.copy().range([NAMES, this.#width]);
    const k = (this.#data.to - this.#data.from) / Math.max(to - from, this.#data.shortest);
    const transform = zoomIdentity.translate(NAMES - base(from) * k, 0).scale(k);
    this.#zoom.transform(select(this.#canvas), transform);
  }

  /** Puts the cursor there, and in sight. */
  setCursor(at: number, lane: number): void {
    this.#cursor = at;
    this.#cursorLane = lane;
    const [from, to] = this.window();
    if (this.#width > 0 && (at < from || at > to))
      this.#zoom.translateTo(select(this.#canvas), this.#base.copy().range([NAMES, this.#width])(at), 0);
    this.#ask();
  }

  #laneAt(y: number): number {
    return this.#tops.findLastIndex((top) => y >= top);
  }

  #point(x: number, y: number): void {
    const lane = this.#laneAt(y);
    const row = Math.floor((y - (this.#tops[lane] ?? 0)) / ROW);
    const at = this.#x().invert(x);
    const bars = x < NAMES ? [] : [...this.#visible(at, at)];
    const bar = bars.findLast((each) => each.lane === lane && each.row === row && each.from <= at && each.to >= at);
    this.#tip.hidden = bar === undefined;
    if (bar === undefined) return;
    fill(this.#tip, bar.title);
    this.#tip.style.left = `${Math.min(x + 12, this.#width - 260)}px`;
    this.#tip.style.top = `${y + 16}px`;
  }

  /** Bars that are in sight. */
  *#visible(from: number, to: number): Iterable<LaneBar> {
    const { bars } = this.#data;
    let low = 0;
    for (let high = bars.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((bars[middle] as LaneBar).from < from - this.#longest) low = middle + 1;
      else high = middle;
    }
    for (let index = low; index < bars.length; index++) {
      const bar = bars[index] as LaneBar;
      if (bar.from > to) return;
      if (bar.to >= from) yield bar;
    }
  }

  #ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#draw();
    });
  }

  #draw(): void {
    const context = this.#canvas.getContext('2d');
    if (context === null || this.#width === 0) return;
    this.#shades.clear();
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, this.#width, this.#height);
    context.font = '11px ui-sans-serif, system-ui, sans-serif';
    context.textBaseline = 'middle';
    const x = this.#x();
    const [from, to] = this.window().map((at) => this.#data.show(Math.round(at)));
    this.#canvas.setAttribute('aria-label', `${this.#name}, ${from} to ${to}`);
    context.save();
    context.beginPath();
    context.rect(NAMES, 0, this.#width - NAMES, this.#height);
    context.clip();
    this.#drawAxis(context, x);
    this.#drawBars(context, x);
    this.#drawCurves(context, x);
    this.#drawArrows(context, x);
    this.#drawCursor(context, x);
    context.restore();
    this.#drawNames(context);
  }

  #drawAxis(context: CanvasRenderingContext2D, x: (at: number) => number): void {
    const ticks = this.#x().ticks(Math.max(2, Math.floor((this.#width - NAMES) / 110)));
    context.fillStyle = this.#shade('muted');
    context.strokeStyle = this.#shade('line');
    context.lineWidth = 1;
    for (const tick of ticks) {
      const at = Math.round(x(tick)) + 0.5;
      context.beginPath();
      context.moveTo(at, AXIS - 6);
      context.lineTo(at, this.#height);
      context.stroke();
      context.fillText(this.#data.show(tick), at + 3, 8);
    }
  }

  #drawNames(context: CanvasRenderingContext2D): void {
    for (const [lane, { name, rows }] of this.#data.lanes.entries()) {
      const top = this.#tops[lane] as number;
      context.fillStyle = this.#shade(lane === this.#cursorLane ? 'text' : 'muted');
      context.fillText(name, 2, top + Math.min(rows * ROW, ROW) / 2, NAMES - 8);
      context.strokeStyle = this.#shade('line');
      context.beginPath();
      context.moveTo(0, top - GAP / 2 + 0.5);
      context.lineTo(this.#width, top - GAP / 2 + 0.5);
      context.stroke();
    }
  }

  #drawBars(context: CanvasRenderingContext2D, x: (at: number) => number): void {
    const [from, to] = this.window();
    /** Where the last bar of a row and look ended, in pixels: what would lie in the same one is left out. */
    const drawn = new Map<string, number>();
    const named: LaneBar[] = [];
    for (const bar of this.#visible(from, to)) {
      const left = x(bar.from);
      const right = Math.max(left + 1, x(bar.to));
      const key = `${bar.lane} ${bar.row} ${bar.look}`;
      if (right <= (drawn.get(key) ?? -1)) continue;
      drawn.set(key, right);
      if (bar.name !== '' && right - left >= NAMED) named.push(bar);
      context.fillStyle = this.#shade(bar.colour);
      context.globalAlpha = ALPHA[bar.look];
      const gap = right - left > 6 ? 1 : 0;
      context.fillRect(left, this.#topOf(bar) + 1, right - left - gap, ROW - 2);
    }
    context.globalAlpha = 1;
    for (const { lane, at, colour: name } of this.#data.marks) {
      if (at < from || at > to) continue;
      context.fillStyle = this.#shade(name);
      context.fillRect(x(at) - 1, (this.#tops[lane] as number) - 3, 2, ROW + 5);
    }
    // Names come last: a bar may lie on another.
    for (const bar of named) this.#drawName(context, bar, x(bar.from), x(bar.to));
  }

  #drawName(context: CanvasRenderingContext2D, bar: LaneBar, left: number, right: number): void {
    // It stays in sight while its bar is.
    const start = Math.max(left, NAMES) + 3;
    const room = right - start - 3;
    if (room < NAMED) return;
    context.save();
    context.beginPath();
    context.rect(start, this.#topOf(bar), room, ROW);
    context.clip();
    context.fillStyle = this.#shade('text');
    context.fillText(bar.name, start, this.#topOf(bar) + ROW / 2 + 0.5);
    context.restore();
  }

  #topOf({ lane, row }: LaneBar): number {
    return (this.#tops[lane] as number) + row * ROW;
  }

  /** A colour of the style, asked once a drawing. */
  #shade(name: string): string {
    const known = this.#shades.get(name) ?? colour(name);
    this.#shades.set(name, known);
    return known;
  }

  #drawCurves(context: CanvasRenderingContext2D, x: (at: number) => number): void {
    for (const { lane, row, colour: name, points } of this.#data.curves) {
      const rows = this.#data.lanes[lane]?.rows ?? 1;
      const height = (rows - row) * ROW - 4;
      const bottom = (this.#tops[lane] as number) + rows * ROW - 1;
      const most = points.reduce((max, [, value]) => Math.max(max, value), 1);
      context.strokeStyle = this.#shade(name);
      context.lineWidth = 1.5;
      context.beginPath();
      let y = bottom;
      for (const [at, value] of points) {
        context.lineTo(x(at), y);
        y = bottom - (value / most) * height;
        context.lineTo(x(at), y);
      }
      context.lineTo(x(this.#data.to), y);
      context.stroke();
    }
  }

  #drawArrows(context: CanvasRenderingContext2D, x: (at: number) => number): void {
    const [from, to] = this.window();
    const inSight = this.#data.arrows.filter((arrow) => arrow.to >= from && arrow.from <= to);
    // Of more than these nothing could be made out.
    if (inSight.length > this.#width / 3) return;
    context.lineWidth = 1;
    for (const arrow of inSight) {
      const [x0, x1] = [x(arrow.from), x(arrow.to)];
      const y0 = (this.#tops[arrow.fromLane] as number) + ROW / 2;
      const y1 = (this.#tops[arrow.toLane] as number) + ROW / 2;
      context.strokeStyle = this.#shade(arrow.colour);
      context.beginPath();
      context.moveTo(x0, y0);
      // Within one lane it arches over what lies there.
      const arch = y0 === y1 ? ROW : 0;
      context.bezierCurveTo((x0 + x1) / 2, y0 - arch, (x0 + x1) / 2, y1 - arch, x1, y1);
      context.lineTo(x1 - 4, y1 - 3);
      context.stroke();
    }
  }

  #drawCursor(context: CanvasRenderingContext2D, x: (at: number) => number): void {
    if (this.#cursor === null) return;
    const at = x(this.#cursor);
    context.fillStyle = this.#shade('accent');
    context.fillRect(at - 1, 0, 2, this.#height);
    const top = this.#tops[this.#cursorLane];
    if (top === undefined) return;
    context.beginPath();
    context.moveTo(at - 6, top - 7);
    context.lineTo(at + 6, top - 7);
    context.lineTo(at, top);
    context.fill();
  }
}
