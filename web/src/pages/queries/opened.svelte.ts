// Which query is looked at; its number is in the address, so it can be shared.

import { api, ask } from '$/api/client';
import type { Row } from '$/app/live.svelte';
import { router } from '$/app/router.svelte';
import { toasts } from '$/app/toasts.svelte';

import { NUMBERS_A_DAY } from './history.svelte';
import { sameness } from './log.svelte';
import { w } from './words';

class Opened {
  row = $state.raw<Row | null>(null);
  #number: number | null = null;

  constructor() {
    $effect(() => {
      const text = router.place.query.get('row') ?? '';
      const number = /^\d{1,16}$/.test(text) ? Number(text) : null;
      if (number === this.#number) return;
      this.#number = number;
      if (number === null) this.row = null;
      else void this.#find(number);
    });
  }

  open(row: Row): void {
    this.row = row;
    if (row.number >= NUMBERS_A_DAY) this.#address(row.number, false);
    else void this.#resolve(row);
  }

  close(): void {
    this.forget();
    router.set({ row: null });
  }

  forget(): void {
    this.row = null;
    this.#number = null;
  }

  #address(number: number, replace: boolean): void {
    this.#number = number;
    router.set({ row: number }, { replace });
  }

  /** A row that has just arrived has a number in the log, too, once it is there. */
  async #resolve(row: Row): Promise<void> {
    const { name, type, client, at } = row;
    const query = { name: `=${name}`, type, client, since: String(at - 0.002), until: String(at + 0.002), limit: '20' };
    const found = await ask(api.GET('/api/v1/queries', { params: { query: query as never } })).catch(() => null);
    const same = found?.queries.find((one) => sameness(one) === sameness(row));
    if (same && this.row === row) this.#address(same.number, false);
  }

  async #find(number: number): Promise<void> {
    try {
      const found = await ask(api.GET('/api/v1/queries', { params: { query: { before: number + 1, limit: 1 } } }));
      if (this.#number !== number) return;
      const row = found.queries[0];
      if (row?.number === number) {
        this.row = row;
        return;
      }
      toasts.problem(w().details.gone);
    } catch (thrown) {
      toasts.failed(thrown);
    }
    if (this.#number === number) this.close();
  }
}

/** Call while a component is set up. */
export function opened(): Opened {
  return new Opened();
}
