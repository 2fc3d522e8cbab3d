// Whether a query that has just arrived fits the filters: the same as the server's search decides.

import type { Row } from '$/app/live.svelte';

import { network } from './addresses';
import type { Filters } from './filters';

/** Numbers of types that the server writes as names; `TYPE28` means AAAA. */
const TYPES: Record<string, string> = {
  TYPE1: 'A', TYPE2: 'NS', TYPE5: 'CNAME', TYPE6: 'SOA', TYPE12: 'PTR', TYPE15: 'MX', TYPE16: 'TXT', TYPE28: 'AAAA', TYPE33: 'SRV',
  TYPE35: 'NAPTR', TYPE43: 'DS', TYPE46: 'RRSIG', TYPE48: 'DNSKEY', TYPE64: 'SVCB', TYPE65: 'HTTPS', TYPE255: 'ANY', TYPE257: 'CAA',
};
const RCODES: Record<string, string> = { RCODE0: 'NOERROR', RCODE1: 'FORMERR', RCODE2: 'SERVFAIL', RCODE3: 'NXDOMAIN', RCODE4: 'NOTIMP', RCODE5: 'REFUSED' };

const known = (names: Record<string, string>) => (text: string) => names[text] ?? text;

export function matcher(filters: Filters): (row: Row) => boolean {
  const tests: ((row: Row) => boolean)[] = [];
  const { rule, since, until } = filters;
  const name = named(filters.name);
  if (name) tests.push(name);
  if (filters.client.length) {
    const networks = filters.client.map(network).filter((one) => one !== null);
    tests.push((row) => networks.some((one) => one(row.client)));
  }
  const amongst = (wanted: string[], of: (row: Row) => string | null) => {
    if (!wanted.length) return;
    const set = new Set(wanted);
    tests.push((row) => set.has(of(row) ?? ''));
  };
  amongst(filters.type.map(known(TYPES)), (row) => row.type);
  amongst(filters.outcome, (row) => row.outcome);
  amongst(filters.rcode.map(known(RCODES)), (row) => row.rcode);
  amongst(filters.transport, (row) => row.transport);
  amongst(filters.list, (row) => row.list);
  amongst(filters.upstream, (row) => row.upstream);
  if (rule) tests.push((row) => (row.rule ?? '').includes(rule));
  if (since) tests.push((row) => row.at >= since);
  if (until) tests.push((row) => row.at < until);
  return (row) => tests.every((test) => test(row));
}

function named(text: string): ((row: Row) => boolean) | null {
  const lower = text.toLowerCase();
  const wanted = lower === '.' || lower === '=' ? lower : lower.replace(/\.$/, '');
  if (!wanted) return null;
  const rest = wanted.slice(1);
  if (wanted.startsWith('=')) return (row) => row.name === rest;
  if (wanted.startsWith('.')) return (row) => row.name === rest || row.name.endsWith(wanted);
  return (row) => row.name.includes(wanted);
}
