import { describe, expect, it } from 'vitest';

import type { ListRow } from '$/app/live.svelte';

import { called, differs, found, merged, progressOf, sorted, stateOf } from './rows';
import { w } from './words';
import de from './words.de';

const row = (more: Partial<ListRow> = {}): ListRow => ({
  key: 'a', title: 'Ads', source: 'https://lists.example/ads.txt', kind: 'block', state: 'live', format: 'hosts', rules: 10, complaints: 0, bytes: 100,
  last_success: 1, last_try: 1, next_try: 2, error: '', held: '', refresh_every: 60, doing: '', received: 0, total: null, last_change: 1, decided: 0,
  enabled: true, added: true, ...more,
});

describe('the rows', () => {
  it('are what the stream says, with what only the answer knows', () => {
    const asked = [row(), row({ key: 'off', enabled: false, state: 'off' })];
    const [fresh, off] = merged(asked, [row({ decided: 7, added: false })]);
    expect([fresh?.decided, fresh?.added]).toEqual([7, true]);
    expect(off?.state).toBe('off');
    expect(differs(asked, [row()])).toBe(false);
    expect(differs(asked, [row(), row({ key: 'new' })])).toBe(true);
    expect(differs(asked, [])).toBe(true);
    expect(differs(asked, null)).toBe(false);
  });

  it('are sorted, and equal ones by title', () => {
    const rows = [row({ key: 'b', title: 'List 10' }), row({ key: 'c', title: 'List 9' }), row({ key: 'd', title: 'zz', decided: 5, state: 'missing' })];
    const keys = (by: Parameters<typeof sorted>[1], reversed = false) => sorted(rows, by, reversed).map((one) => one.key).join('');
    expect(keys('title')).toBe('cbd');
    expect(keys('title', true)).toBe('dbc');
    expect(keys('decided')).toBe('dcb');
    expect(keys('decided', true)).toBe('cbd');
    expect(keys('state')).toBe('dcb');
  });

  it('of three hundred lists are found by title and address', () => {
    const many = Array.from({ length: 300 }, (_, number) => row({ key: `k${number}`, title: `List ${number}`, kind: number % 3 ? 'block' : 'allow' }));
    expect(found(many, 'LIST 299', 'all').map((one) => one.key)).toEqual(['k299']);
    expect(found(many, '', 'allow')).toHaveLength(100);
    expect(found(many, 'lists.example', 'all')).toHaveLength(300);
    expect(sorted(many, 'title', false)[2]?.title).toBe('List 2');
    expect(found(many, '', 'trouble')).toEqual([]);
  });

  it('have a word for every state in both languages', () => {
    for (const state of ['live', 'old', 'held', 'loading', 'missing', 'off']) {
      for (const words of [w(), de]) {
        expect(words.states[state]).toBeTruthy();
        expect(words.stateAbout[state]).toBeTruthy();
      }
    }
    expect(stateOf(row({ enabled: false }))).toBe('off');
    expect(stateOf(row({ enabled: true, state: 'off' }))).toBe('loading');
  });

  it('tell how far a download is only when that is known', () => {
    expect(progressOf({ doing: 'receiving', received: 50, total: 200 })).toBe(0.25);
    expect(progressOf({ doing: 'receiving', received: 50, total: null })).toBeNull();
    expect(progressOf({ doing: 'receiving', received: 500, total: 200 })).toBe(1);
    expect(progressOf({ doing: 'receiving', received: 5, total: 0 })).toBeNull();
    expect(progressOf({ doing: 'compiling', received: 5, total: 10 })).toBeNull();
  });

  it('show hostile titles for what they are', () => {
    expect(called({ title: 'a\u202Etxt\u0007', source: '' })).toBe('a\\u{202E}txt\\u{7}');
    expect(called({ title: '', source: 'x' })).toBe('x');
  });
});
