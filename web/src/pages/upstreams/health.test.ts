import { describe, expect, it } from 'vitest';

import { codesOf, healthOf, shareOf, type Upstream } from './health';
import { noted } from './times.svelte';

const one: Upstream = {
  address: '9.9.9.9:53', sent: 1000, answered: 999, timeouts: 1, failures: 0, rtt_ms: 7, healthy: true, deviation_ms: 1, loops: false,
  responses: { NOERROR: 900, NXDOMAIN: 99 }, groups: ['default'],
};

describe('an upstream', () => {
  it('works well when little is lost', () => expect(healthOf(one)).toBe('well'));
  it('is unsteady when more is', () => expect(healthOf({ ...one, timeouts: 20 })).toBe('unsteady'));
  it('is unsteady when its answers are of no use', () => expect(healthOf({ ...one, responses: { SERVFAIL: 500, NOERROR: 499 } })).toBe('unsteady'));
  it('does not answer when every worker gave up on it', () => expect(healthOf({ ...one, healthy: false })).toBe('down'));
  it('goes in circles before anything else', () => expect(healthOf({ ...one, healthy: false, loops: true })).toBe('loop'));
  it('was not asked when nothing was sent', () => expect(healthOf({ ...one, sent: 0, answered: 0, timeouts: 0, responses: {} })).toBe('unasked'));

  it('has its share of all answers, and none of nothing', () => {
    expect(shareOf(one, [one, { ...one, address: 'x' }])).toBe(0.5);
    expect(shareOf({ ...one, answered: 0 }, [{ ...one, answered: 0 }])).toBeNull();
  });

  it('has its codes, the most frequent first', () => {
    expect(codesOf({ ...one, responses: { REFUSED: 1, NOERROR: 9 } })).toEqual([['NOERROR', 9], ['REFUSED', 1]]);
  });
});

describe('times that were seen', () => {
  it('are kept as long as the upstream is there, the last 300', () => {
    let seen: ReadonlyMap<string, readonly number[]> = new Map();
    for (let time = 0; time < 400; time += 1) seen = noted(seen, [{ ...one, rtt_ms: time }]);
    expect(seen.get(one.address)).toHaveLength(300);
    expect(seen.get(one.address)?.at(-1)).toBe(399);
    expect(noted(seen, [{ ...one, rtt_ms: null }]).get(one.address)).toHaveLength(300);
    expect(noted(seen, []).size).toBe(0);
  });
});
