import { describe, expect, it } from 'vitest';

import type { Row } from '$/app/live.svelte';

import { network, octets } from './addresses';
import { NOTHING, type Filters } from './filters';
import { matcher } from './matching';

const row: Row = {
  number: 7, at: 1000.5, client: '192.168.1.7', transport: 'udp', name: 'stats.tracker.example.com', type: 'AAAA', outcome: 'blocked', rcode: 'NOERROR',
  list: 'Kids', rule: 'tracker.example.com', scope: 'subtree', line: 4, upstream: null, duration_ms: 0,
};
const fits = (filters: Partial<Filters>, other: Partial<Row> = {}) => matcher({ ...NOTHING, ...filters })({ ...row, ...other });

describe('a query that arrives', () => {
  it('fits when nothing is asked for', () => expect(fits({})).toBe(true));

  it.each<[string, Partial<Filters>, boolean]>([
    ['a part of the name', { name: 'racker' }, true],
    ['another part', { name: 'trakker' }, false],
    ['capitals and a final dot', { name: 'Example.COM.' }, true],
    ['the whole name', { name: '=stats.tracker.example.com' }, true],
    ['only a part as the whole', { name: '=tracker.example.com' }, false],
    ['a name above it', { name: '.example.com' }, true],
    ['not a name that only ends alike', { name: '.racker.example.com' }, false],
    ['itself is below itself', { name: '.stats.tracker.example.com' }, true],
    ['its client', { client: ['192.168.1.7'] }, true],
    ['a network of several', { client: ['10.0.0.0/8', '192.168.0.0/16'] }, true],
    ['another network', { client: ['192.168.2.0/24'] }, false],
    ['no address at all', { client: ['laptop'] }, false],
    ['one of several types', { type: ['A', 'AAAA'] }, true],
    ['a type by number', { type: ['TYPE28'] }, true],
    ['another type', { type: ['A'] }, false],
    ['its outcome', { outcome: ['blocked', 'failed'] }, true],
    ['another outcome', { outcome: ['failed'] }, false],
    ['its response code by number', { rcode: ['RCODE0'] }, true],
    ['another transport', { transport: ['tcp'] }, false],
    ['its list', { list: ['Kids'] }, true],
    ['its list in other letters', { list: ['kids'] }, false],
    ['a part of its rule', { rule: 'tracker.ex' }, true],
    ['an upstream when none was asked', { upstream: ['9.9.9.9:53'] }, false],
    ['from a moment on', { since: 1000.5 }, true],
    ['until just before it', { until: 1000.5 }, false],
    ['two that fit', { name: 'stats', type: ['AAAA'] }, true],
    ['two of which one does not', { name: 'stats', type: ['A'] }, false],
  ])('%s', (_, filters, expected) => expect(fits(filters)).toBe(expected));

  it('without a rule or list fits no filter for one', () => {
    expect(fits({ rule: 'x' }, { rule: null })).toBe(false);
    expect(fits({ list: ['Kids'] }, { list: null })).toBe(false);
  });
});

describe('addresses', () => {
  it.each(['', '1.2.3', '1.2.3.256', '1.2.3.4.5', 'g::', '1::2::3', '::1%', ':::', '1:2:3:4:5:6:7', 'example.com', '-1.2.3.4'])('refuses %j', (text) => {
    if (text === '::1%') expect(octets(text)).not.toBeNull();
    else expect(octets(text)).toBeNull();
  });

  it('knows all ways to write one', () => {
    expect(octets('2001:db8::7')).toEqual(octets('2001:0db8:0:0:0:0:0:0007'));
    expect(octets('::ffff:1.2.3.4')?.slice(10)).toEqual([255, 255, 1, 2, 3, 4]);
    expect(octets('::')).toEqual(new Array(16).fill(0));
  });

  it.each([
    ['192.168.1.128/25', '192.168.1.200', true],
    ['192.168.1.128/25', '192.168.1.100', false],
    ['0.0.0.0/0', '8.8.8.8', true],
    ['0.0.0.0/0', '::1', false],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['fd00::7', 'fd00:0::7', true],
  ])('%s has %s: %s', (text, address, expected) => expect(network(text)?.(address)).toBe(expected));

  it.each(['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/x', '::/129'])('refuses the network %s', (text) => expect(network(text)).toBeNull());
});
