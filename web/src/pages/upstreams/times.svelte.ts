// Round-trip times of each upstream, as they are seen while a page is open.

import type { Upstream } from './health';

const KEPT = 300;

export class Times {
  #seen = $state.raw<ReadonlyMap<string, readonly number[]>>(new Map());

  /** Call while a component is set up; `now` is read again whenever it changes. */
  constructor(now: () => readonly Upstream[]) {
    $effect(() => {
      const next = noted(this.#last, now());
      this.#last = next;
      this.#seen = next;
    });
  }

  // Not reactive, so that noting something does not ask for it to be noted.
  #last: ReadonlyMap<string, readonly number[]> = new Map();

  of(address: string): readonly number[] {
    return this.#seen.get(address) ?? [];
  }
}

/** What was seen, with what is seen now; of upstreams that are gone, nothing stays. */
export function noted(seen: ReadonlyMap<string, readonly number[]>, upstreams: readonly Upstream[]): ReadonlyMap<string, readonly number[]> {
  const next = new Map<string, readonly number[]>();
  for (const { address, rtt_ms } of upstreams) {
    const before = seen.get(address) ?? [];
    next.set(address, rtt_ms === null ? before : [...before.slice(-(KEPT - 1)), rtt_ms]);
  }
  return next;
}
