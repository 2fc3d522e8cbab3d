import { describe, expect, it } from 'vitest';

import { live, type Row } from '$/app/live.svelte';

import { canonical, Check } from './check.svelte';

const row = (client: string, name: string, outcome = 'cached', at = live.now + 1) => ({ client, name, outcome, at }) as unknown as Row;

function only(address: string): Check {
  const check = new Check();
  check.from = 'only';
  check.address = address;
  return check;
}

describe('the check of a device', () => {
  it('takes any device but this machine', () => {
    const check = new Check();
    check.take(row('127.0.0.1', 'a.example'));
    check.take(row('::1', 'a.example'));
    expect(check.found).toBeNull();
    check.take(row('192.168.1.5', 'b.example'));
    expect(check.found?.first.name).toBe('b.example');
  });

  it('takes this machine when its address is written', () => {
    const check = only('127.0.0.1');
    check.take(row('127.0.0.1', 'a.example'));
    expect(check.found?.first.name).toBe('a.example');
  });

  it('is green with the first query, and waits for one that is blocked for the same device', () => {
    const check = new Check();
    check.take(row('192.168.1.5', 'a.example'));
    check.take(row('192.168.1.6', 'ads.example', 'blocked'));
    expect([check.found?.first.name, check.found?.blocked]).toEqual(['a.example', null]);
    check.take(row('192.168.1.5', 'ads.example', 'blocked'));
    check.take(row('192.168.1.5', 'later.example'));
    expect([check.found?.first.name, check.found?.blocked?.name]).toEqual(['a.example', 'ads.example']);
  });

  it('does not take another device while an address is being typed, or before one is', () => {
    const check = only('');
    check.take(row('192.168.1.2', 'other.example'));
    expect(check.found).toBeNull();
    check.address = '192.168.1.2'; // on the way to .20
    check.address = '192.168.1.20';
    expect(check.found).toBeNull();
    check.take(row('192.168.1.20', 'mine.example'));
    expect(check.found?.first.name).toBe('mine.example');
  });

  it('knows an address however it is written', () => {
    const check = only(' FD00:0::5 ');
    check.take(row('fd00::5', 'a.example'));
    expect(check.found?.first.name).toBe('a.example');
    expect(['192.168.1.300', 'host', '[::1]@x', '1.2.3', '', ':::'].map(canonical)).toEqual([null, null, null, null, null, null]);
  });

  it('does not count what was asked before', () => {
    const check = new Check();
    check.take(row('192.168.1.5', 'old.example', 'cached', live.now - 100));
    expect(check.found).toBeNull();
    check.take(row('192.168.1.5', 'new.example'));
    check.again();
    expect(check.found).toBeNull();
  });
});
