// The live stream: what happens, as it happens. It goes on where it was, says when it is cut off, and shows a burst once a frame.

import type { Schemas } from '$/api/client';

export type Row = Schemas['mirage_hole.api.v1.recent.Row'];
export type Counts = Pick<Schemas['Stats'], 'totals' | 'day' | 'policy' | 'workers' | 'upstreams' | 'records_dropped' | 'datagrams_lost'>;
export type Hello = Pick<Schemas['Stats'], 'now' | 'version' | 'boot' | 'started_at' | 'listen' | 'explain'>;
export type ListRow = Schemas['ListView'];
export type Pause = Schemas['Pause'];
type Series = Schemas['Series'];

const SILENCE = 40_000; // milliseconds; the server says something at least every 15 s
const LONGEST_WAIT = 30;
const EVENTS = ['hello', 'series', 'queries', 'counts', 'minutes', 'top', 'lists', 'pause', 'ping'] as const;
const KEPT_MINUTES = 1440;

export interface Burst {
  queries: Row[];
  /** Queries in between that came too fast to be sent. */
  skipped: number;
}
type Listener = (burst: Burst) => void;

class Live {
  hello = $state.raw<Hello | null>(null);
  counts = $state.raw<Counts | null>(null);
  series = $state.raw<Series | null>(null);
  top = $state.raw<Schemas['Top'] | null>(null);
  lists = $state.raw<ListRow[] | null>(null);
  pause = $state.raw<Pause | null>(null);
  connected = $state(false);
  /** Seconds until the next try; null while connected or on the way. */
  retryIn = $state<number | null>(null);
  /** Queries a second, as they arrive here; over the last 10 s, or since the stream began. */
  rate = $state(0);
  /** Seconds by which the server's clock is ahead of this one. */
  ahead = $state(0);
  /** This moment by the server's clock, in seconds; moves once a second. */
  now = $state(Date.now() / 1000);

  #source: EventSource | null = null;
  #last = '';
  #failures = 0;
  #heard = 0;
  #nextAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ticker: ReturnType<typeof setInterval> | undefined;
  #listeners = new Set<Listener>();
  #pending: Burst = { queries: [], skipped: 0 };
  #frame = 0;
  #arrived: [number, number][] = [];
  #began = 0;
  /** What a stream tells first is past, and says nothing of the rate. */
  #opening = false;
  /** Called when the stream was refused: the login may have ended. */
  onRefused: () => void = () => undefined;

  open(): void {
    clearTimeout(this.#timer);
    this.#ticker ??= setInterval(() => this.#tick(), 1000);
    this.#source?.close();
    this.#heard = performance.now();
    this.retryIn = null;
    const query = this.#last ? `?last_event_id=${encodeURIComponent(this.#last)}` : '';
    const source = new EventSource(`/api/v1/events${query}`);
    this.#source = source;
    source.addEventListener('error', () => this.#failed());
    for (const name of EVENTS) {
      source.addEventListener(name, (event: MessageEvent<string>) => {
        if (source === this.#source) this.#take(name, event);
      });
    }
  }

  close(): void {
    this.#source?.close();
    this.#source = null;
    this.connected = false;
    clearTimeout(this.#timer);
    clearInterval(this.#ticker);
    this.#ticker = undefined;
  }

  /** Hear of queries, at most once a frame; the returned function ends it. */
  hear(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #take(name: (typeof EVENTS)[number], event: MessageEvent<string>): void {
    this.#heard = performance.now();
    if (event.lastEventId) this.#last = event.lastEventId;
    if (!this.connected) {
      this.connected = true;
      this.retryIn = null;
      this.#failures = 0;
    }
    const told: unknown = JSON.parse(event.data);
    switch (name) {
      case 'hello':
        this.hello = told as Hello;
        this.#setClock(this.hello.now);
        this.#opening = true;
        this.#began = performance.now();
        this.#arrived = [];
        break;
      case 'ping':
        this.#setClock((told as { now: number }).now);
        break;
      case 'series':
        this.series = told as Series;
        break;
      case 'minutes':
        if (this.series) this.series = joined(this.series, told as Series);
        break;
      case 'counts':
        this.counts = told as Counts;
        this.#opening = false;
        break;
      case 'top':
        this.top = told as Schemas['Top'];
        break;
      case 'lists':
        this.lists = told as ListRow[];
        break;
      case 'pause':
        this.pause = told as Pause;
        break;
      case 'queries':
        this.#collect(told as Burst);
    }
  }

  #collect(burst: Burst): void {
    if (!this.#opening) this.#arrived.push([performance.now(), burst.queries.length + burst.skipped]);
    if (!this.#listeners.size) return;
    this.#pending.queries.push(...burst.queries);
    this.#pending.skipped += burst.skipped;
    // A page that is hidden draws no frames; what it missed is bounded by what a stream sends at once.
    if (document.hidden && this.#pending.queries.length > 2000) {
      this.#pending.skipped += this.#pending.queries.length - 2000;
      this.#pending.queries.splice(0, this.#pending.queries.length - 2000);
    }
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const pending = this.#pending;
      this.#pending = { queries: [], skipped: 0 };
      for (const listener of this.#listeners) listener(pending);
    });
  }

  #setClock(now: number): void {
    this.ahead = now - Date.now() / 1000;
    this.now = now;
  }

  // A browser tries again by itself after some errors and never after others; so it is always done here.
  #failed(): void {
    this.#source?.close();
    this.#source = null;
    this.connected = false;
    this.rate = 0;
    this.#failures += 1;
    const wait = Math.min(LONGEST_WAIT, 2 ** Math.min(this.#failures, 5));
    this.#nextAt = performance.now() + wait * 1000;
    this.retryIn = wait;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.open(), wait * 1000);
    this.onRefused();
  }

  #tick(): void {
    this.now = Date.now() / 1000 + this.ahead;
    const mark = performance.now();
    this.#arrived = this.#arrived.filter(([at]) => mark - at < 10_000);
    this.rate = this.#arrived.reduce((sum, [, many]) => sum + many, 0) / Math.min(10, Math.max(1, (mark - this.#began) / 1000));
    if (this.connected && mark - this.#heard > SILENCE) this.#failed();
    else if (this.retryIn !== null) this.retryIn = Math.max(1, Math.ceil((this.#nextAt - mark) / 1000));
  }
}

/** Minutes with newer ones put in; quiet minutes between are zero. */
export function joined(series: Series, news: Series): Series {
  const step = series.step;
  const end = Math.max(series.start + series.queries.length * step, news.start + news.queries.length * step);
  const start = Math.max(series.start, end - KEPT_MINUTES * step);
  const length = Math.round((end - start) / step);
  const put = (old: number[], fresh: number[]) => {
    const out = new Array<number>(length).fill(0);
    const shift = Math.round((series.start - start) / step);
    old.forEach((value, index) => index + shift >= 0 && (out[index + shift] = value));
    const place = Math.round((news.start - start) / step);
    fresh.forEach((value, index) => index + place >= 0 && (out[index + place] = value));
    return out;
  };
  return { start, step, queries: put(series.queries, news.queries), blocked: put(series.blocked, news.blocked) };
}

export const live = new Live();
