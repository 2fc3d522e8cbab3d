// Waits for the first query of a device, and for the first that is blocked for it.

import { SvelteMap } from 'svelte/reactivity';

import { live, type Row } from '$/app/live.svelte';

export const LATE_AFTER = 60;
const MOST = 5000; // devices that are remembered

export interface Seen {
  first: Row;
  blocked: Row | null;
}

/** An address in the one spelling that the server uses; null while it is none. */
export function canonical(text: string): string | null {
  const address = text.trim();
  if (/^(\d{1,3}\.){3}\d{1,3}$/.test(address)) return address.split('.').every((part) => Number(part) < 256) ? address : null;
  if (!/^[\da-f:.]+$/i.test(address) || !address.includes(':')) return null;
  try {
    return new URL(`http://[${address}]`).hostname.slice(1, -1);
  } catch {
    return null;
  }
}

/** What this machine asks itself is not a device, unless its address is written. */
const isDevice = (client: string) => !/^127\.|^::1$/.test(client);

export class Check {
  /** Any device, or the one whose address is written. */
  from = $state<'any' | 'only'>('any');
  address = $state('');
  since = $state(live.now);
  // Everybody who asked since: while an address is typed it is that of somebody else for a moment, and that must not stay.
  #seen = new SvelteMap<string, Seen>();

  /** To be called while a component is set up. */
  watch(): () => void {
    return live.hear(({ queries }) => {
      for (const row of queries) this.take(row);
    });
  }

  take(row: Row): void {
    if (row.at < this.since - 1) return; // what was asked before the question does not count
    const known = this.#seen.get(row.client);
    const blocked = row.outcome === 'blocked' ? row : null;
    if (known ? !known.blocked && blocked : this.#seen.size < MOST) {
      this.#seen.set(row.client, { first: known?.first ?? row, blocked });
    }
  }

  get found(): Seen | null {
    if (this.from === 'only') return this.#seen.get(canonical(this.address) ?? '') ?? null;
    for (const [client, seen] of this.#seen) if (isDevice(client)) return seen;
    return null;
  }

  get late(): boolean {
    return this.found === null && live.now - this.since > LATE_AFTER;
  }

  again(): void {
    this.#seen.clear();
    this.since = live.now;
  }
}
