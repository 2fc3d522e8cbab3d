// All that the page shows, the newest first: what arrives now, and below it the way back through the log.

import { api, ask } from '$/api/client';
import { live, type Burst, type Row } from '$/app/live.svelte';

import { toParameters, type Filters } from './filters';
import { History, NUMBERS_A_DAY, type Ask } from './history.svelte';
import { matcher } from './matching';

/** A row, or queries that came too fast to be told one by one. */
export interface Entry {
  readonly key: string;
  readonly row: Row | null;
  readonly skipped: number;
}

export const MOST_LIVE = 5000;
const FEWER = 2500;
/** Seconds by which rows may be out of order: they are written when they are answered, and bear the moment of their arrival. */
const SLACK = 10;

/** What a row has in the stream and in the log alike. The log has cut its moment to milliseconds, and may be a little beside them. */
export function sameness(row: Row): string {
  const milliseconds = row.number >= NUMBERS_A_DAY ? Math.round(row.at * 1000) : Math.floor(row.at * 1000);
  return `${milliseconds} ${row.client} ${row.type} ${row.name}`;
}

const asks = (filters: Filters, until = 0): Ask => (before, limit, signal) => {
  const bound = until && filters.until ? Math.min(until, filters.until) : until || filters.until;
  const query = { ...toParameters({ ...filters, until: bound }), limit: String(limit), ...(before !== null && { before: String(before) }) };
  // The parameters are written with commas here, as the server reads them.
  return ask(api.GET('/api/v1/queries', { params: { query: query as never }, signal }));
};

export class Log {
  /** The newest last, so that adding is cheap. */
  #live: Entry[] = [];
  #waiting: Entry[] = [];
  /** Came before the first page, which may have them, too. */
  #early: Burst[] | null = [];
  #known = new Set<string>();
  #oldestKnown = 0;
  #edge = 0;
  #held = false;
  #next = 1;
  #end: (() => void) | null = null;
  readonly #fits: (row: Row) => boolean;
  readonly #source: (filters: Filters, until?: number) => Ask;

  history = $state.raw<History>() as History;
  /** Rows that arrived live and are shown. */
  arrived = $state(0);
  /** Rows that wait until the reader comes back to the top. */
  waiting = $state(0);
  /** Of those, how many are not in memory any more. */
  lost = $state(0);
  version = $state(0);

  constructor(readonly filters: Filters, source: (filters: Filters, until?: number) => Ask = asks) {
    this.#fits = matcher(filters);
    this.#source = source;
    this.history = this.#fromNow();
  }

  get total(): number {
    return this.arrived + this.history.total;
  }

  /** Whether nothing may move: what arrives waits. */
  set held(held: boolean) {
    this.#held = held;
    if (!held && this.waiting) this.show();
  }

  open(): void {
    this.#end ??= live.hear((burst) => this.take(burst));
    this.history.want(0, 60);
  }

  close(): void {
    this.#end?.();
    this.#end = null;
    this.history.close();
  }

  at(index: number): Entry | undefined {
    if (index < this.#live.length) return this.#live[this.#live.length - 1 - index];
    const row = this.history.at(index - this.#live.length);
    return row && { key: String(row.number), row, skipped: 0 };
  }

  want(first: number, end: number): void {
    this.history.want(Math.max(0, first - this.#live.length), Math.max(0, end - this.#live.length));
  }

  take(burst: Burst): void {
    if (this.#early) {
      this.#early.push(burst);
      if (this.#early.length > 60) this.#early.shift();
      return;
    }
    const fresh: Entry[] = [];
    if (burst.skipped && (!this.filters.until || this.filters.until > live.now)) fresh.push({ key: `s${this.#next++}`, row: null, skipped: burst.skipped });
    for (const row of burst.queries) {
      if (this.#fits(row) && !this.#knows(row)) fresh.push({ key: `l${this.#next++}`, row, skipped: 0 });
    }
    if (!fresh.length) return;
    if (this.#held) this.#wait(fresh);
    else this.#add(fresh);
  }

  /** Show what has waited. */
  show(): void {
    if (this.lost && this.history.logged) {
      this.again();
      return;
    }
    const entries = this.#waiting;
    if (this.lost) entries.unshift({ key: `s${this.#next++}`, row: null, skipped: this.lost });
    this.#waiting = [];
    this.waiting = 0;
    this.lost = 0;
    this.#add(entries);
  }

  /** Begin anew with the newest page of the log. */
  again(): void {
    this.#live = [];
    this.#waiting = [];
    this.#early = [];
    this.arrived = 0;
    this.waiting = 0;
    this.lost = 0;
    this.history.close();
    this.history = this.#fromNow();
    this.history.want(0, 60);
    this.version += 1;
  }

  #fromNow(): History {
    return new History(this.#source(this.filters), undefined, (rows, full) => this.#begin(rows, full));
  }

  #begin(rows: Row[], full: boolean): void {
    this.#known = new Set(rows.map(sameness));
    this.#edge = (rows[0]?.at ?? 0) + SLACK;
    this.#oldestKnown = full ? (rows.at(-1)?.at ?? 0) : 0;
    const early = this.#early ?? [];
    this.#early = null;
    for (const burst of early) this.take({ queries: burst.queries, skipped: 0 });
  }

  #knows(row: Row): boolean {
    if (row.at > this.#edge) {
      if (this.#known.size) this.#known = new Set();
      return false;
    }
    return row.at < this.#oldestKnown || this.#known.has(sameness(row));
  }

  #wait(fresh: Entry[]): void {
    this.#waiting.push(...fresh);
    const over = this.#waiting.length - MOST_LIVE;
    if (over > 0) {
      this.#waiting.splice(0, over);
      this.lost += over;
    }
    this.waiting = this.#waiting.length + this.lost;
  }

  #add(fresh: Entry[]): void {
    this.#live.push(...fresh);
    if (this.#live.length > MOST_LIVE) this.#trim();
    this.arrived = this.#live.length;
    this.version += 1;
  }

  /** The oldest of the live rows go; the log, which has them, is read from there on. */
  #trim(): void {
    const gone = this.#live.splice(0, this.#live.length - FEWER);
    if (!this.history.logged) {
      // Nobody has them any more, and that is said.
      const skipped = gone.reduce((sum, entry) => sum + (entry.row ? 1 : entry.skipped), 0);
      this.#live.unshift({ key: `s${this.#next++}`, row: null, skipped });
    }
    const oldest = this.#live.find((entry) => entry.row !== null)?.row;
    if (!oldest) return;
    const until = oldest.at + SLACK;
    const shown = new Set(this.#live.flatMap(({ row }) => (row && row.at < until ? [sameness(row)] : [])));
    this.history.close();
    const { logged } = this.history;
    this.history = new History(this.#source(this.filters, until), (row) => shown.has(sameness(row)));
    this.history.logged = logged;
  }
}
