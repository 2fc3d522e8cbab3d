// All lists, as they are this second, and what can be done with them. A switch shows at once, and is taken back when it fails.

import { api, ask, Problem } from '$/api/client';
import { live, type ListRow } from '$/app/live.svelte';
import { resource } from '$/app/resource.svelte';
import { toasts } from '$/app/toasts.svelte';

import { called, differs, merged } from './rows';
import { w } from './words';

const ASK_AGAIN = 1000; // milliseconds; the stream of lists is told every second at most
const at = (key: string) => ({ params: { path: { key } } });

function isAbout(change: { target: string; before: unknown }, row: ListRow): boolean {
  if (change.target === `list ${row.key}`) return true;
  const lists = Object.values((change.before as { lists?: Record<string, { source?: string } | null> } | null)?.lists ?? {});
  return lists.some((one) => one?.source === row.source);
}

export class Shelf {
  readonly asked = resource((signal) => ask(api.GET('/api/v1/lists', { params: { query: { all: true } }, signal })));
  #wished = $state.raw<ReadonlyMap<string, Partial<ListRow>>>(new Map());
  #gone = $state.raw<ReadonlySet<string>>(new Set());
  /** What was done last, for those who listen. */
  said = $state('');

  rows: ListRow[] = $derived.by(() => {
    const rows = merged(this.asked.data?.lists ?? [], live.lists).filter((row) => !this.#gone.has(row.key));
    return rows.map((row) => ({ ...row, ...this.#wished.get(row.key) }));
  });
  names = $derived(this.asked.data?.policy?.names ?? 0);

  constructor() {
    // Another tab, the command line or an undo has changed which lists there are.
    $effect(() => {
      const asked = this.asked.data?.lists;
      if (!asked || !differs(asked, live.lists) || this.asked.loading) return;
      const timer = setTimeout(() => this.asked.reload(), ASK_AGAIN);
      return () => clearTimeout(timer);
    });
  }

  find(key: string): ListRow | undefined {
    return this.rows.find((row) => row.key === key);
  }

  async switch(row: ListRow, enabled: boolean): Promise<void> {
    this.#wish(row.key, { enabled });
    try {
      await ask(api.PATCH('/api/v1/lists/{key}', { ...at(row.key), body: { enabled } }));
      const text = enabled ? w().switchedOn(called(row)) : w().switchedOff(called(row));
      this.#tell(text, () => this.#switchBack(row, !enabled));
    } catch (thrown) {
      toasts.failed(thrown);
    }
    await this.reload();
    this.#wish(row.key, null);
  }

  async #switchBack(row: ListRow, enabled: boolean): Promise<void> {
    await ask(api.PATCH('/api/v1/lists/{key}', { ...at(row.key), body: { enabled } }));
    await this.reload();
  }

  /** Throws what the server has against it. */
  async rename(row: ListRow, title: string): Promise<void> {
    await ask(api.PATCH('/api/v1/lists/{key}', { ...at(row.key), body: { title } }));
    await this.reload();
    this.#tell(w().renamed(called(this.find(row.key) ?? { ...row, title })), () => this.#takeBack('change list', row));
  }

  async remove(row: ListRow): Promise<void> {
    this.#gone = new Set([...this.#gone, row.key]);
    try {
      await ask(api.DELETE('/api/v1/lists/{key}', at(row.key)));
      this.#tell(w().removed(called(row)), () => this.#takeBack('remove list', row));
    } catch (thrown) {
      toasts.failed(thrown);
    }
    await this.reload();
    this.#gone = new Set([...this.#gone].filter((key) => key !== row.key));
  }

  // The change is undone, not made once more the other way round: an address may have a token that nobody here knows, and a
  // list whose title was its own has no title to be given back.
  async #takeBack(what: 'remove list' | 'change list', row: ListRow): Promise<void> {
    const { changes } = await ask(api.GET('/api/v1/audit', { params: { query: { limit: 100 } } }));
    const change = changes.find((one) => one.what === what && one.revertible && isAbout(one, row));
    if (!change) throw new Problem(409, w().noUndo);
    await ask(api.POST('/api/v1/audit/{number}/undo', { params: { path: { number: String(change.number) as never } } }));
    await this.reload();
  }

  /** Fetch these now, or all; how far they are comes with the stream. */
  async update(rows: readonly ListRow[] = []): Promise<void> {
    try {
      const { lists } = await ask(api.POST('/api/v1/lists/update', { body: { lists: rows.map((row) => row.key), force: false } }));
      this.said = w().updating(lists.length);
    } catch (thrown) {
      toasts.failed(thrown);
    }
  }

  async confirm(row: ListRow): Promise<void> {
    await ask(api.POST('/api/v1/lists/{key}/confirm', at(row.key)));
    this.#tell(w().confirmed(called(row)));
    await this.reload();
  }

  /** Ask for all lists again, and wait for them. */
  async reload(): Promise<void> {
    try {
      this.asked.set(await ask(api.GET('/api/v1/lists', { params: { query: { all: true } } })));
    } catch {
      this.asked.reload();
    }
  }

  #wish(key: string, wish: Partial<ListRow> | null): void {
    const wished = new Map(this.#wished);
    if (wish) wished.set(key, wish);
    else wished.delete(key);
    this.#wished = wished;
  }

  #tell(text: string, undo?: () => Promise<unknown>): void {
    this.said = text;
    toasts.done(text, undo);
  }
}
