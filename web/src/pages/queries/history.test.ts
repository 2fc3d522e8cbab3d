import { describe, expect, it, vi } from 'vitest';

import type { Row } from '$/app/live.svelte';

import { History, NUMBERS_A_DAY, PAGE, type Ask, type Found } from './history.svelte';

const BASE = 20_000 * NUMBERS_A_DAY;

export function rowOf(number: number, more: Partial<Row> = {}): Row {
  return {
    number: BASE + number, at: 1_728_000_000 + number / 10, client: '192.168.1.7', transport: 'udp', name: `n${number}.example`, type: 'A',
    outcome: 'forwarded', rcode: 'NOERROR', list: null, rule: null, scope: null, line: null, upstream: null, duration_ms: 1, ...more,
  };
}

/** A log of so many rows, the newest with the highest number. */
function log(many: number, { slice = Infinity, every = 1 } = {}): Ask & { calls: (number | null)[] } {
  const calls: (number | null)[] = [];
  const ask = async (before: number | null, limit: number): Promise<Found> => {
    calls.push(before);
    const queries: Row[] = [];
    let at = before === null ? many : before - BASE - 1;
    let looked = 0;
    for (; at > 0 && queries.length < limit && looked < slice; at -= 1, looked += 1) if (at % every === 0) queries.push(rowOf(at));
    const complete = at === 0 || queries.length === limit;
    return { boot: 'b', logged: true, queries, before: at === 0 ? null : BASE + at + 1, complete };
  };
  return Object.assign(ask, { calls });
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('the way back', () => {
  it('begins with what is seen, and a little more', async () => {
    const source = log(5000);
    const history = new History(source);
    history.want(0, 30);
    await vi.waitFor(() => expect(history.loading).toBe(false));
    expect(history.total).toBe(2 * PAGE);
    expect(history.at(0)?.number).toBe(BASE + 5000);
    expect(history.at(299)?.number).toBe(BASE + 4701);
    expect(history.at(9000)).toBeUndefined();
  });

  it('comes to the end, with every row once', async () => {
    const history = new History(log(1234));
    for (let end = 100; !history.ended; end += 100) {
      history.want(end - 50, end);
      await settled();
    }
    expect(history.total).toBe(1234);
    expect(Array.from({ length: 1234 }, (_, index) => history.at(index)?.number)).toEqual(Array.from({ length: 1234 }, (_, index) => BASE + 1234 - index));
  });

  it('keeps a bounded number of rows, and brings the others back as they were', async () => {
    const history = new History(log(20_000));
    for (let end = 200; !history.ended; end += 200) {
      history.want(end - 40, end);
      await settled();
    }
    expect(history.kept).toBeLessThanOrEqual(24);
    expect(history.at(3)).toBeUndefined();
    history.want(0, 30);
    await vi.waitFor(() => expect(history.at(3)?.number).toBe(BASE + 19_997));
    expect(history.total).toBe(20_000);
  });

  it('goes on by itself when a page was not finished, and tells how far it is', async () => {
    const history = new History(log(10_000, { slice: 1000, every: 2000 }));
    history.want(0, 30);
    await vi.waitFor(() => expect(history.ended).toBe(true));
    expect(Array.from({ length: history.total }, (_, index) => history.at(index)?.number)).toEqual([10_000, 8000, 6000, 4000, 2000].map((number) => BASE + number));
    expect(history.reached).toBeNull();
  });

  it('stops when it is told to, and goes on later', async () => {
    const source = log(100_000, { slice: 1000, every: 200_000 });
    const history = new History(source);
    history.want(0, 30);
    history.stop();
    await vi.waitFor(() => expect(history.loading).toBe(false));
    expect(history.reached).not.toBeNull();
    expect(history.ended).toBe(false);
    history.resume();
    await vi.waitFor(() => expect(history.ended).toBe(true));
    expect(history.total).toBe(0);
  });

  it('says what went wrong, asks no more, and tries again', async () => {
    let fail = true;
    const source = log(10);
    const history = new History((...asked) => (fail ? Promise.reject(new Error('gone')) : source(...asked)));
    history.want(0, 30);
    await vi.waitFor(() => expect(history.problem).toEqual(new Error('gone')));
    history.want(0, 30);
    expect(source.calls).toEqual([]);
    fail = false;
    history.retry();
    await vi.waitFor(() => expect(history.total).toBe(10));
    expect(history.problem).toBeNull();
  });

  it('is silent after it was closed', async () => {
    const history = new History(log(500));
    history.want(0, 30);
    history.close();
    await settled();
    expect(history.total).toBe(0);
    expect(history.problem).toBeNull();
  });
});
