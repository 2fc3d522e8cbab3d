import { afterEach, describe, expect, it, vi } from 'vitest';

import type { Row } from '$/app/live.svelte';

import { fromAddress, type Filters } from './filters';
import type { Ask } from './history.svelte';
import { Log, MOST_LIVE, sameness } from './log.svelte';

function row(number: number, more: Partial<Row> = {}): Row {
  return {
    number, at: 1_728_000_000 + number / 10, client: '192.168.1.7', transport: 'udp', name: `n${number}.example`, type: 'A', outcome: 'forwarded',
    rcode: 'NOERROR', list: null, rule: null, scope: null, line: null, upstream: null, duration_ms: 1, ...more,
  };
}

const burst = (queries: Row[], skipped = 0) => ({ queries, skipped });
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => row(from + index));

/** A log that has these rows, the newest first. */
function source(rows: Row[], logged = true) {
  const asked: number[] = [];
  const make = (_: Filters, until = 0): Ask => async (before, limit) => {
    asked.push(until);
    const fit = rows.filter((one) => (before === null || one.number + 20_000e10 < before) && (!until || one.at < until));
    const queries = fit.slice(0, limit).map((one) => ({ ...one, number: one.number + 20_000e10, at: Math.floor(one.at * 1000) / 1000 }));
    return { boot: 'b', logged, queries, before: fit.length > limit ? (queries.at(-1)?.number ?? null) : null, complete: true };
  };
  return { make, asked };
}

const open: Log[] = [];
async function opened(rows: Row[], text = '', logged = true): Promise<Log> {
  const log = new Log(fromAddress(new URLSearchParams(text)), source(rows, logged).make);
  open.push(log);
  log.open();
  await vi.waitFor(() => expect(log.history.boot).toBe('b'));
  await vi.waitFor(() => expect(log.history.loading).toBe(false));
  return log;
}
afterEach(() => open.splice(0).forEach((log) => log.close()));

const names = (log: Log, many = log.total) => Array.from({ length: many }, (_, index) => log.at(index)?.row?.name);

describe('a row of the stream and of the log', () => {
  it('is known as the same, wherever in a millisecond it arrived', () => {
    const begin = 1_795_478_400;
    for (let step = 0; step < 20_000; step += 1) {
      const at = begin + 5437 + step * 2 ** -22;
      const kept = begin + (Math.floor(at * 1000) - begin * 1000) / 1000; // as the server does it
      expect(sameness(row(7, { at }))).toBe(sameness(row(20_000e10, { at: kept, name: 'n7.example' })));
    }
  });
});

describe('what arrives', () => {
  it('stands above the log, the newest first', async () => {
    const log = await opened(range(0, 3).reverse());
    log.take(burst([row(500), row(501)]));
    expect(names(log)).toEqual(['n501.example', 'n500.example', 'n2.example', 'n1.example', 'n0.example']);
  });

  it('is not there twice when the first page has it, too', async () => {
    const log = new Log(fromAddress(new URLSearchParams()), source(range(0, 3).reverse()).make);
    open.push(log);
    log.open();
    log.take(burst([row(1), row(2), row(3)]));
    await vi.waitFor(() => expect(log.total).toBe(4));
    expect(names(log)).toEqual(['n3.example', 'n2.example', 'n1.example', 'n0.example']);
    log.take(burst([row(2)]));
    expect(log.total).toBe(4);
  });

  it('passes the same filters', async () => {
    const log = await opened([], 'name=n7&type=A');
    log.take(burst([row(700), row(701, { type: 'AAAA' }), row(800)]));
    expect(names(log)).toEqual(['n700.example']);
  });

  it('waits while the reader is elsewhere, and comes when the reader is back', async () => {
    const log = await opened(range(0, 2).reverse());
    log.held = true;
    log.take(burst([row(500), row(501)]));
    expect(names(log)).toEqual(['n1.example', 'n0.example']);
    expect(log.waiting).toBe(2);
    log.held = false;
    expect(names(log)[0]).toBe('n501.example');
    expect(log.waiting).toBe(0);
  });

  it('takes bounded memory while it waits; what was too much comes from the log', async () => {
    const rows = range(0, 2).reverse();
    const log = await opened(rows);
    log.held = true;
    for (let step = 0; step < 12; step += 1) log.take(burst(range(1000 + step * 1000, 2000 + step * 1000)));
    expect(log.waiting).toBe(12_000);
    expect(log.lost).toBe(12_000 - MOST_LIVE);
    rows.unshift(row(99_999));
    log.held = false;
    await vi.waitFor(() => expect(names(log)[0]).toBe('n99999.example'));
    expect(log.waiting).toBe(0);
  });

  it('takes bounded memory while it is shown, and the log goes on where it ends', async () => {
    const rows = range(0, 9000);
    const log = await opened(rows.slice(0, 100).reverse());
    log.close();
    const { make, asked } = source([...rows].reverse());
    const busy = new Log(log.filters, make);
    open.push(busy);
    // Only what comes after the first page is new.
    busy.open();
    await vi.waitFor(() => expect(busy.history.boot).toBe('b'));
    for (let step = 0; step < 7; step += 1) busy.take(burst(range(10_000 + step * 1000, 11_000 + step * 1000)));
    expect(busy.arrived).toBeLessThanOrEqual(MOST_LIVE);
    busy.want(busy.arrived - 10, busy.arrived + 20);
    await vi.waitFor(() => expect(busy.history.total).toBeGreaterThan(0));
    expect(asked.at(-1)).toBeGreaterThan(0);
    const all = names(busy);
    expect(new Set(all).size).toBe(all.length);
  });

  it('says how many came too fast to be told', async () => {
    const log = await opened([]);
    log.take(burst([row(1)], 250));
    expect(log.at(1)).toMatchObject({ row: null, skipped: 250 });
  });

  it('says what it had to let go when there is no log', async () => {
    const log = await opened([], '', false);
    log.held = true;
    for (let step = 0; step < 6; step += 1) log.take(burst(range(step * 1000, 1000 + step * 1000)));
    log.held = false;
    expect(log.at(log.total - 1)).toMatchObject({ row: null });
    expect(log.arrived).toBeLessThanOrEqual(MOST_LIVE);
  });
});
