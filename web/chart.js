// The chart: stacked bars of answered and blocked queries, drawn as two SVG paths.

import { byId, el, say, svg } from './dom.js';
import { compact, count, hour, share } from './format.js';

const MARGIN = { top: 8, right: 4, bottom: 22, left: 40 };
const STEPS = [1, 2, 5, 10, 15, 20, 30, 60];
const THINNEST = 4.5; // pixels a bar

/** The last 24 hours by minute, kept up by the stream. */
export class Series {
  constructor() {
    this.start = 0;
    this.queries = [];
    this.blocked = [];
  }

  replace({ start, queries, blocked }) {
    Object.assign(this, { start, queries, blocked });
  }

  /** Puts newer minutes in their place and lets the oldest go. */
  update({ start, queries, blocked }) {
    if (!this.queries.length) return;
    this.advance(start + (queries.length - 1) * 60);
    const at = Math.round((start - this.start) / 60);
    queries.forEach((number, offset) => {
      if (at + offset < 0) return;
      this.queries[at + offset] = number;
      this.blocked[at + offset] = blocked[offset];
    });
  }

  advance(now) {
    const newer = Math.min(Math.floor((now - this.start) / 60) + 1 - this.queries.length, this.queries.length);
    for (let more = 0; more < newer; more += 1) {
      this.queries.shift();
      this.blocked.shift();
      this.queries.push(0);
      this.blocked.push(0);
    }
    if (newer > 0) this.start = Math.floor(now / 60) * 60 - (this.queries.length - 1) * 60;
  }

  /** Bars of `step` minutes over the last `span` minutes, on whole steps of the clock. */
  bars(span, step) {
    const bars = [];
    const end = this.queries.length;
    const offset = (this.start / 60) % step;
    let bar = null;
    for (let at = Math.max(0, end - span); at < end; at += 1) {
      if (!bar || (at + offset) % step === 0) {
        bar = { at: this.start + at * 60, minutes: 0, queries: 0, blocked: 0 };
        bars.push(bar);
      }
      bar.minutes += 1;
      bar.queries += this.queries[at];
      bar.blocked += this.blocked[at];
    }
    return bars;
  }
}

export class Chart {
  constructor(series) {
    this.series = series;
    this.span = 1440;
    this.box = byId('chart');
    this.tip = el('div', { className: 'tip', hidden: true, 'aria-hidden': 'true' });
    this.drawing = svg('svg', { 'aria-hidden': 'true' });
    this.box.append(this.drawing, this.tip);
    this.chosen = -1;
    new ResizeObserver(() => this.draw()).observe(this.box);
    this.box.addEventListener('pointermove', (event) => this.point(event));
    this.box.addEventListener('pointerleave', () => this.choose(-1));
    this.box.addEventListener('blur', () => this.choose(-1));
    this.box.addEventListener('keydown', (event) => this.key(event));
  }

  draw() {
    const width = this.box.clientWidth;
    const height = this.box.clientHeight;
    const inner = width - MARGIN.left - MARGIN.right;
    if (inner < 50 || height < 60 || !this.series.queries.length) return;
    const step = STEPS.find((minutes) => (inner * minutes) / this.span >= THINNEST) ?? 60;
    this.bars = this.series.bars(this.span, step);
    const slot = inner / this.bars.length;
    const highest = scale(Math.max(...this.bars.map((bar) => bar.queries), 4));
    const bottom = height - MARGIN.bottom;
    const y = (number) => bottom - (number / highest.top) * (bottom - MARGIN.top);
    const x = (index) => MARGIN.left + index * slot;
    this.place = { slot, x };

    const gap = slot > 6 ? 2 : 1;
    let answered = '';
    let blocked = '';
    this.bars.forEach((bar, index) => {
      const left = (x(index) + gap / 2).toFixed(1);
      const wide = (slot - gap).toFixed(1);
      const middle = y(bar.blocked);
      if (bar.blocked) blocked += `M${left} ${bottom}V${middle.toFixed(1)}h${wide}V${bottom}Z`;
      if (bar.queries > bar.blocked) {
        answered += `M${left} ${middle.toFixed(1)}V${y(bar.queries).toFixed(1)}h${wide}V${middle.toFixed(1)}Z`;
      }
    });
    this.highlight = svg('rect', { class: 'highlight', y: MARGIN.top, width: slot, height: bottom - MARGIN.top, visibility: 'hidden' });
    this.drawing.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.drawing.replaceChildren(
      ...highest.ticks.flatMap((tick) => [
        svg('line', { class: 'grid', x1: MARGIN.left, x2: width - MARGIN.right, y1: y(tick), y2: y(tick) }),
        svg('text', { x: MARGIN.left - 6, y: y(tick) + 4, 'text-anchor': 'end' }, compact(tick)),
      ]),
      this.highlight,
      svg('path', { class: 'answered', d: answered }),
      svg('path', { class: 'blocked', d: blocked }),
      ...this.labels(inner, slot, x, height),
    );
    if (this.chosen >= 0) this.choose(Math.min(this.chosen, this.bars.length - 1));
  }

  *labels(inner, slot, x, height) {
    const every = this.span === 60 ? (inner < 420 ? 20 : 10) : inner < 420 ? 360 : inner < 640 ? 240 : 180;
    for (const [index, bar] of this.bars.entries()) {
      const local = Math.round(bar.at / 60) - new Date(bar.at * 1000).getTimezoneOffset();
      const centre = x(index) + slot / 2;
      // A label stands under the bar in which its time begins.
      const past = local % every;
      if (past >= bar.minutes && past !== 0) continue;
      if (past !== 0 || centre < MARGIN.left + 14 || centre > MARGIN.left + inner - 14) continue;
      yield svg('text', { x: centre.toFixed(1), y: height - 6, 'text-anchor': 'middle' }, hour(bar.at));
    }
  }

  point(event) {
    if (!this.bars) return;
    const at = Math.floor((event.clientX - this.box.getBoundingClientRect().left - MARGIN.left) / this.place.slot);
    this.choose(at >= 0 && at < this.bars.length ? at : -1);
  }

  key(event) {
    if (!this.bars) return;
    const last = this.bars.length - 1;
    const from = this.chosen < 0 ? last + 1 : this.chosen;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last, Escape: -1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.choose(to < 0 && event.key !== 'Escape' ? 0 : Math.min(to, last));
    if (this.chosen >= 0) say(byId('chart-says'), this.sentence(this.bars[this.chosen]));
  }

  choose(index) {
    this.chosen = index;
    this.tip.hidden = index < 0;
    this.highlight?.setAttribute('visibility', index < 0 ? 'hidden' : 'visible');
    if (index < 0) return;
    const bar = this.bars[index];
    const left = this.place.x(index);
    this.highlight.setAttribute('x', left);
    this.tip.replaceChildren(
      el('b', {}, `${hour(bar.at)} – ${hour(bar.at + bar.minutes * 60)}`),
      el('span', { className: 'is-allowed' }, `${count(bar.queries - bar.blocked)} answered`),
      el('span', { className: 'is-blocked' }, `${count(bar.blocked)} blocked, ${share(bar.blocked, bar.queries)}`),
    );
    const room = this.box.clientWidth - this.tip.offsetWidth - 4;
    this.tip.style.left = `${Math.max(4, Math.min(room, left + this.place.slot / 2 - this.tip.offsetWidth / 2))}px`;
  }

  sentence(bar) {
    return `${hour(bar.at)} to ${hour(bar.at + bar.minutes * 60)}: ${count(bar.queries)} queries, ${count(bar.blocked)} blocked`;
  }
}

/** A round top above `highest`, and the lines to draw on the way. */
function scale(highest) {
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough && Number.isInteger(size)) ?? 1);
  const top = Math.ceil(highest / step) * step;
  const ticks = [];
  for (let tick = 0; tick <= top; tick += step) ticks.push(tick);
  return { top, ticks };
}
