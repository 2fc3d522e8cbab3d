// What lists have in common: from counts of shared names to shares that people can read.

import type { Schemas } from '$/api/client';
import { visible } from '$/parts/names';

export interface Compared {
  /** Its place in the report, and so in the overlap. */
  index: number;
  title: string;
  source: string;
  kind: string;
  /** Different names on it. */
  names: number;
  /** Names that no other list has. */
  unique: number;
}

/** Below this share of its own a list could go. */
export const LITTLE = 0.01;

export function comparedOf(report: Pick<Schemas['ListReport'], 'lists' | 'overlap'>): Compared[] {
  return report.lists.map((one, index) => ({
    index,
    title: visible(one.title || one.source),
    source: visible(one.source),
    kind: one.kind,
    // Without an overlap the names are known from their kinds; a name that is there twice counts once only with it.
    names: report.overlap[index]?.[index] ?? Math.max(one.unique, one.exact + one.subtree + one.below - one.duplicates),
    unique: one.unique,
  }));
}

/** Share of its own names; 0 of a list without names. */
export const ownShare = (one: Compared) => (one.names ? Math.min(1, one.unique / one.names) : 0);

export type Verdict = 'noNames' | 'nothing' | 'little' | 'worth';

export function verdictOf(one: Compared): Verdict {
  if (!one.names) return 'noNames';
  if (!one.unique) return 'nothing';
  return ownShare(one) < LITTLE ? 'little' : 'worth';
}

export interface Cell {
  row: Compared;
  column: Compared;
  names: number;
  /** Of the names of the row's list; null of a list with itself, or without names. */
  share: number | null;
}

/** A row of cells for each list: the share of its names that each other list has. */
export function cellsOf(lists: readonly Compared[], overlap: readonly (readonly number[])[]): Cell[][] {
  return lists.map((row) =>
    lists.map((column) => {
      const names = overlap[row.index]?.[column.index] ?? 0;
      return { row, column, names, share: row.index === column.index || !row.names ? null : Math.min(1, names / row.names) };
    }),
  );
}

/** The lists with the most names first; so many that the table can be read. */
export const largest = (lists: readonly Compared[], most: number) => [...lists].sort((a, b) => b.names - a.names || a.index - b.index).slice(0, most);
