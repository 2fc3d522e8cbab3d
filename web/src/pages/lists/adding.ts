// Adding lists, one after the other, so that each is answered for itself.

import { api, ask, type Schemas } from '$/api/client';
import { toasts } from '$/app/toasts.svelte';

import type { Shelf } from './shelf.svelte';
import { w } from './words';

export type Known = Schemas['Known'];

/** Sets to begin with, by names of the catalogue. */
export const SETS = [
  { key: 'calm', sources: ['oisd-small'] },
  { key: 'balanced', sources: ['hagezi-normal', 'hagezi-tif-medium', 'phishing-army'] },
  { key: 'strict', sources: ['hagezi-ultimate', 'hagezi-tif', 'oisd-big'] },
] as const;

/** In the order in which they are shown; what is not named here comes after. */
export const CATEGORIES = ['ads', 'tracking', 'security', 'device', 'content', 'exceptions'];

export const FORMATS = ['hosts', 'domains', 'wildcard', 'adblock', 'dnsmasq', 'unbound', 'rpz', 'regex', 'addresses', 'subtrees'];

/** Add lists; gives the sources that could not be added, each with the reason. */
export async function addAll(shelf: Shelf, wanted: readonly { source: string; title: string }[]): Promise<Map<string, string>> {
  const failed = new Map<string, string>();
  let added = 0;
  for (const { source, title } of wanted) {
    try {
      const known = await ask(api.POST('/api/v1/lists', { body: { source, kind: kinds.get(source) ?? 'block', title: '', format: '' } }));
      added += Number(known.changed || known.enabled);
    } catch (thrown) {
      failed.set(source, thrown instanceof Error ? thrown.message : String(thrown));
      toasts.problem(w().adding.failed(title, failed.get(source) ?? ''));
    }
  }
  await shelf.reload();
  if (added) {
    const text = w().adding.done(added);
    shelf.said = text;
    toasts.done(text);
  }
  return failed;
}

const kinds = new Map<string, 'block' | 'allow'>();
/** Remember which of the catalogue's lists allow. */
export function learn(lists: readonly Known[]): void {
  for (const one of lists) kinds.set(one.name, one.kind === 'allow' ? 'allow' : 'block');
}

/** Which list in use an entry of the catalogue is, if any. */
export function usedAs(entry: Known, rows: Shelf['rows']): Shelf['rows'][number] | undefined {
  return rows.find((row) => row.source === entry.url || row.source === entry.name);
}

export function grouped(lists: readonly Known[], text: string, category: string): [string, Known[]][] {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map<string, Known[]>();
  for (const one of lists) {
    if (category && one.category !== category) continue;
    const within = `${one.title} ${one.name} ${one.url} ${one.breaks}`.toLocaleLowerCase();
    if (words.every((word) => within.includes(word))) groups.set(one.category, [...(groups.get(one.category) ?? []), one]);
  }
  const place = (name: string) => (CATEGORIES.indexOf(name) + CATEGORIES.length + 1) % (CATEGORIES.length + 1);
  return [...groups].sort(([a], [b]) => place(a) - place(b));
}

