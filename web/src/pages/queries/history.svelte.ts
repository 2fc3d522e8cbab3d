// The way back through the log, page by page. Only the pages around the reader stay in memory; the others are asked for again by
// the number that they began with, which gives the same rows.

import { isAborted, type Schemas } from '$/api/client';
import type { Row } from '$/app/live.svelte';

export type Found = Schemas['Found'];
/** Asks for rows below a number. */
export type Ask = (before: number | null, limit: number, signal: AbortSignal) => Promise<Found>;

export const PAGE = 250;
const AHEAD = PAGE;
const KEPT = 24;
/** A row's number is that of its UTC day times this, and its place in it. */
export const NUMBERS_A_DAY = 10_000_000_000;

interface Page {
  start: number;
  count: number;
  /** What the server gave, with those that were left out. */
  given: number;
  before: number;
  rows: Row[] | null;
}

export class History {
  total = $state(0);
  /** There are no older ones. */
  ended = $state(false);
  loading = $state(false);
  problem = $state.raw<unknown>(null);
  logged = $state(true);
  boot = '';
  /** How far back a long search has come, in seconds since the epoch; null when no search is long. */
  reached = $state<number | null>(null);
  stopped = $state(false);
  /** Counts up when rows have come or gone. */
  version = $state(0);

  #pages: Page[] = [];
  #cursor: number | null = null;
  #first = 0;
  #end = 0;
  #running = false;
  #aborter = new AbortController();

  constructor(
    private readonly ask: Ask,
    private readonly left: (row: Row) => boolean = () => false,
    private readonly onfirst: (rows: Row[], full: boolean) => void = () => undefined,
  ) {}

  /** Pages in memory; for tests. */
  get kept(): number {
    return this.#pages.filter((page) => page.rows !== null).length;
  }

  at(index: number): Row | undefined {
    const page = this.#pages[this.#place(index)];
    return page?.rows?.[index - page.start];
  }

  /** The reader sees these rows: what is missing of them is loaded, and some more. */
  want(first: number, end: number): void {
    this.#first = first;
    this.#end = end;
    void this.#run();
  }

  retry(): void {
    this.problem = null;
    void this.#run();
  }

  stop(): void {
    this.stopped = true;
  }

  resume(): void {
    this.stopped = false;
    void this.#run();
  }

  close(): void {
    this.#aborter.abort();
  }

  async #run(): Promise<void> {
    if (this.#running || this.problem !== null || this.#aborter.signal.aborted) return;
    this.#running = true;
    try {
      for (;;) {
        const gone = this.#gone(0) ?? this.#gone(AHEAD / 2);
        if (gone) await this.#refill(gone);
        else if (!this.ended && !this.stopped && this.#end + AHEAD >= this.total) await this.#further();
        else break;
      }
      this.reached = this.stopped ? this.reached : null;
    } catch (thrown) {
      if (!isAborted(thrown) && !this.#aborter.signal.aborted) this.problem = thrown;
    } finally {
      this.#running = false;
      this.loading = false;
    }
  }

  /** A page without its rows that the reader sees, or will see soon. */
  #gone(around: number): Page | undefined {
    const last = this.#place(this.#end + around);
    for (let index = this.#place(Math.max(0, this.#first - around)); index <= last; index += 1) {
      const page = this.#pages[index];
      if (page?.rows === null && page.start < this.#end + around) return page;
    }
    return undefined;
  }

  async #further(): Promise<void> {
    this.loading = true;
    const asked = this.#cursor;
    const found = await this.#asked(asked, PAGE);
    const rows = found.queries.filter((row) => !this.left(row));
    const newest = found.queries[0];
    if (newest && rows.length) {
      // New rows come before a page without a number, so the first gets one, too.
      this.#pages.push({ start: this.total, count: rows.length, given: found.queries.length, before: asked ?? newest.number + 1, rows });
    }
    if (asked === null) {
      this.logged = found.logged;
      this.boot = found.boot;
      this.onfirst(found.queries, found.before !== null);
    }
    this.total += rows.length;
    this.#cursor = found.before;
    this.ended = found.before === null;
    this.reached = found.complete ? null : momentOf(found);
    this.#forget();
    this.version += 1;
  }

  async #refill(page: Page): Promise<void> {
    const rows: Row[] = [];
    let before: number | null = page.before;
    let given = 0;
    while (before !== null && given < page.given) {
      const found: Found = await this.#asked(before, page.given - given);
      given += found.queries.length;
      rows.push(...found.queries.filter((row) => !this.left(row)));
      before = found.before;
    }
    page.rows = rows;
    this.#forget();
    this.version += 1;
  }

  async #asked(before: number | null, limit: number): Promise<Found> {
    const found = await this.ask(before, limit, this.#aborter.signal);
    this.#aborter.signal.throwIfAborted();
    return found;
  }

  /** Let go of the pages that are the farthest from the reader. */
  #forget(): void {
    const middle = (this.#first + this.#end) / 2;
    const kept = this.#pages.filter((page) => page.rows !== null);
    if (kept.length <= KEPT) return;
    const distance = (page: Page) => Math.abs(page.start + page.count / 2 - middle);
    kept.sort((one, other) => distance(other) - distance(one));
    for (const page of kept.slice(0, kept.length - KEPT)) page.rows = null;
  }

  #place(index: number): number {
    let low = 0;
    let high = this.#pages.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#pages[middle]?.start ?? 0) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function momentOf(found: Found): number | null {
  const day = found.before !== null && found.before >= NUMBERS_A_DAY ? Math.floor(found.before / NUMBERS_A_DAY) * 86_400 : null;
  const last = found.queries.at(-1)?.at;
  return last !== undefined && day !== null && last - day < 86_400 ? last : day;
}
