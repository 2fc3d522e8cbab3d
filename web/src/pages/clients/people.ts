// Everything that asks, from three places: devices that were ever seen, who asked in the last day, and clients with a name.

import type { Schemas } from '$/api/client';

export interface Person {
  address: string;
  name: string;
  tags: string[];
  firstSeen: number | null;
  lastSeen: number | null;
  queries: number;
  blocked: number;
}

export const SORTS = ['seen', 'name', 'queries', 'share'] as const;
export type Sort = (typeof SORTS)[number];

/** One row for each address. A name is the device's own, or that of the client that has just this address. */
export function people(devices: readonly Schemas['DeviceRow'][], asked: readonly Schemas['TopRow'][], clients: readonly Schemas['Client'][]): Person[] {
  const named = new Map(clients.filter((client) => client.counts).flatMap((client) => client.addresses.map((address) => [address, client] as const)));
  const found = new Map<string, Person>();
  for (const device of devices) {
    found.set(device.address, {
      address: device.address, name: device.name, tags: [], firstSeen: device.first_seen, lastSeen: device.last_seen, queries: device.queries, blocked: device.blocked,
    });
  }
  for (const row of asked) {
    const known = found.get(row.key);
    const counts = { queries: Math.max(row.queries, known?.queries ?? 0), blocked: Math.max(row.blocked ?? 0, known?.blocked ?? 0) };
    found.set(row.key, { ...(known ?? { address: row.key, name: '', tags: [], firstSeen: null, lastSeen: null }), ...counts });
  }
  for (const person of found.values()) {
    const client = named.get(person.address);
    if (client) {
      person.name ||= client.name;
      person.tags = client.tags;
    }
  }
  return [...found.values()];
}

export function arranged(all: readonly Person[], text: string, sort: Sort, seen: ReadonlyMap<string, number>): Person[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter((person) => words.every((word) => `${person.name} ${person.address} ${person.tags.join(' ')}`.toLowerCase().includes(word)));
  const lastOf = (person: Person) => Math.max(seen.get(person.address) ?? 0, person.lastSeen ?? 0);
  const share = (person: Person) => (person.queries ? person.blocked / person.queries : -1);
  const by: Record<Sort, (a: Person, b: Person) => number> = {
    seen: (a, b) => lastOf(b) - lastOf(a) || b.queries - a.queries,
    name: (a, b) => (a.name || '\uffff').localeCompare(b.name || '\uffff') || a.address.localeCompare(b.address, undefined, { numeric: true }),
    queries: (a, b) => b.queries - a.queries,
    share: (a, b) => share(b) - share(a),
  };
  return found.sort(by[sort]);
}
