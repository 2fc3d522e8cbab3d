import { describe, expect, it } from 'vitest';

import type { Row } from '$/app/live.svelte';

import { arranged, people } from './people';
import { blocksOf, quoted } from './trouble';

const device = (address: string, more = {}) => ({ device: address, address, name: '', first_seen: 1, last_seen: 2, queries: 3, blocked: 1, ...more });
const asked = (key: string, queries: number, blocked = 0) => ({ key, queries, blocked, uncertainty: 0, share: null });
const client = (name: string, addresses: string[], more = {}) => ({ name, addresses, tags: ['child'], origin: 'stored', changeable: true, counts: true, ...more });

describe('who asks', () => {
  it('is one row for each address, from wherever it is known', () => {
    const found = people([device('192.168.1.7', { name: 'Desk' })], [asked('192.168.1.7', 9, 4), asked('127.0.0.1', 5)], [client('Here', ['127.0.0.1'])]);
    expect(found.map((one) => [one.address, one.name, one.queries, one.blocked])).toEqual([['192.168.1.7', 'Desk', 9, 4], ['127.0.0.1', 'Here', 5, 0]]);
    expect(found[1]?.tags).toEqual(['child']);
  });

  it('has no name from a client that does not count', () => {
    expect(people([device('10.0.0.1')], [], [client('Gone', ['10.0.0.1'], { counts: false })])[0]?.name).toBe('');
  });

  it('is found and sorted among ten thousand', () => {
    const all = people(Array.from({ length: 10_000 }, (_, index) => device(`10.0.${index >> 8}.${index & 255}`, { name: index % 3 ? '' : `n${index}`, last_seen: index })), [], []);
    expect(all).toHaveLength(10_000);
    expect(arranged(all, '', 'seen', new Map())[0]?.address).toBe('10.0.39.15');
    expect(arranged(all, '', 'seen', new Map([['10.0.0.0', 99_999]]))[0]?.address).toBe('10.0.0.0');
    expect(arranged(all, '10.0.39. N9', 'name', new Map()).every((one) => one.name.startsWith('n9'))).toBe(true);
  });

  it('puts those without a name behind those with one', () => {
    const two = people([device('10.0.0.2'), device('10.0.0.1', { name: '<b>Z</b>' })], [], []);
    expect(arranged(two, '', 'name', new Map()).map((one) => one.name)).toEqual(['<b>Z</b>', '']);
    expect(arranged(two, '<b>', 'name', new Map())).toHaveLength(1);
  });
});

describe('what went wrong', () => {
  const row = (name: string, outcome: string, at: number, list: string | null = null) => ({ name, outcome, at, list, rule: list && 'r' }) as unknown as Row;

  it('is told name by name, blocks first and the last first', () => {
    const found = blocksOf([row('a', 'blocked', 10, 'L'), row('b', 'failed', 50), row('a', 'blocked', 30, 'M'), row('c', 'blocked', 40, 'L'), row('d', 'cached', 60)], 0);
    expect(found.map((one) => [one.name, one.times, one.last, one.by])).toEqual([['c', 1, 40, 'L: r'], ['a', 2, 30, 'M: r'], ['b', 1, 50, '']]);
  });

  it('forgets what is long ago', () => {
    expect(blocksOf([row('a', 'blocked', 10)], 20)).toEqual([]);
  });

  it('makes no rule of a name that could be taken for more', () => {
    expect(quoted("Kids' room")).toBeNull();
    expect(quoted('a$b')).toBeNull();
    expect(quoted('192.168.1.7')).toBe("'192.168.1.7'");
  });
});
