// The rows of the table: what the stream says over what was asked for, found, filtered and sorted.

import type { ListRow } from '$/app/live.svelte';
import { visible } from '$/parts/names';

export type SortBy = 'title' | 'state' | 'rules' | 'decided' | 'change';
export type Filter = 'all' | 'block' | 'allow' | 'trouble' | 'off';
export const SORTS: readonly SortBy[] = ['title', 'state', 'rules', 'decided', 'change'];
export const FILTERS: readonly Filter[] = ['all', 'block', 'allow', 'trouble', 'off'];

/** What needs somebody first. */
const ORDER = ['missing', 'held', 'old', 'loading', 'live', 'off'];
const TROUBLE = new Set(['missing', 'held', 'old']);

/** What a list is called, with nothing in it that is not seen. */
export const called = (row: Pick<ListRow, 'title' | 'source'>) => visible(row.title || row.source);

export const isOn = (row: ListRow) => row.enabled !== false;

/** How a list is, as it is shown: what is on its way is not judged yet. */
export function stateOf(row: ListRow): ListRow['state'] {
  if (!isOn(row)) return 'off';
  return row.state === 'off' ? 'loading' : row.state;
}

export const isTrouble = (row: ListRow) => TROUBLE.has(stateOf(row));

/** Newer rows in place of those that were asked for. The stream tells only of lists that are on. */
export function merged(asked: readonly ListRow[], streamed: readonly ListRow[] | null): ListRow[] {
  const newer = new Map((streamed ?? []).map((row) => [row.key, row]));
  return asked.map((row) => {
    const fresh = newer.get(row.key);
    return fresh ? { ...fresh, enabled: row.enabled ?? true, added: row.added ?? false } : row;
  });
}

/** Whether the stream knows a list that was not there, or no longer knows one: it is time to ask for all of them again. */
export function differs(asked: readonly ListRow[], streamed: readonly ListRow[] | null): boolean {
  if (!streamed) return false;
  const on = new Set(asked.filter(isOn).map((row) => row.key));
  return on.size !== streamed.length || streamed.some((row) => !on.has(row.key));
}

export function found(rows: readonly ListRow[], text: string, filter: Filter): ListRow[] {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    if (filter === 'off' ? isOn(row) : filter === 'trouble' ? !isTrouble(row) : filter !== 'all' && row.kind !== filter) return false;
    const within = `${row.title}\n${row.source}`.toLocaleLowerCase();
    return words.every((word) => within.includes(word));
  });
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/** Sorted; numbers and moments begin with the largest, words with A. Equal ones are by title, so that nothing jumps. */
export function sorted(rows: readonly ListRow[], by: SortBy, reversed: boolean): ListRow[] {
  const titles = new Map(rows.map((row) => [row.key, called(row)]));
  const byTitle = (a: ListRow, b: ListRow) =>
    collator.compare(titles.get(a.key) ?? '', titles.get(b.key) ?? '') || (a.key < b.key ? -1 : 1);
  const compare: Record<SortBy, (a: ListRow, b: ListRow) => number> = {
    title: byTitle,
    state: (a, b) => ORDER.indexOf(stateOf(a)) - ORDER.indexOf(stateOf(b)),
    rules: (a, b) => b.rules - a.rules,
    decided: (a, b) => b.decided - a.decided,
    change: (a, b) => (b.last_change ?? 0) - (a.last_change ?? 0),
  };
  const sign = reversed ? -1 : 1;
  return [...rows].sort((a, b) => sign * compare[by](a, b) || byTitle(a, b));
}

/** How far a download is, from 0 to 1; null while that is not known. */
export function progressOf(row: Pick<ListRow, 'doing' | 'received' | 'total'>): number | null {
  if (row.doing !== 'receiving' || !row.total || row.total <= 0) return null;
  return Math.min(1, Math.max(0, row.received / row.total));
}

/** Share of what all lists of its kind decided. */
export function shareOf(row: ListRow, rows: readonly ListRow[]): number {
  const all = rows.reduce((sum, one) => sum + (one.kind === row.kind ? one.decided : 0), 0);
  return all ? row.decided / all : 0;
}
