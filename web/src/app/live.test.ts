import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { joined, live, type Row } from './live.svelte';

class Stream {
  static last: Stream;
  closed = false;
  readonly handlers = new Map<string, (event: unknown) => void>();

  constructor(readonly address: string) {
    Stream.last = this;
  }
  addEventListener(name: string, handler: (event: unknown) => void) {
    this.handlers.set(name, handler);
  }
  close() {
    this.closed = true;
  }
  tell(name: string, data: unknown, lastEventId = '') {
    this.handlers.get(name)?.({ data: JSON.stringify(data), lastEventId });
  }
}

const row = (number: number) => ({ number, name: `n${number}.example` }) as unknown as Row;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'requestAnimationFrame', 'performance', 'Date'] });
  vi.stubGlobal('EventSource', Stream);
  live.open();
});
afterEach(() => {
  live.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('the live stream', () => {
  it('tells a burst once a frame, whatever it is made of', () => {
    const heard: number[][] = [];
    const end = live.hear(({ queries, skipped }) => heard.push([queries.length, skipped]));
    Stream.last.tell('queries', { queries: [row(1), row(2)], skipped: 0 });
    Stream.last.tell('queries', { queries: [row(3)], skipped: 7 });
    expect(heard).toEqual([]);
    vi.advanceTimersByTime(40);
    expect(heard).toEqual([[3, 7]]);
    end();
    Stream.last.tell('queries', { queries: [row(4)], skipped: 0 });
    vi.advanceTimersByTime(40);
    expect(heard).toHaveLength(1);
  });

  it('goes on where it was after it was cut', () => {
    Stream.last.tell('queries', { queries: [row(9)], skipped: 0 }, 'boot-9');
    expect(live.connected).toBe(true);
    const first = Stream.last;
    first.handlers.get('error')?.({});
    expect(live.connected).toBe(false);
    expect(live.retryIn).toBeGreaterThan(0);
    expect(first.closed).toBe(true);
    vi.advanceTimersByTime(40_000);
    expect(Stream.last).not.toBe(first);
    expect(Stream.last.address).toContain('last_event_id=boot-9');
  });

  it('takes silence for a cut connection', () => {
    Stream.last.tell('ping', { now: 1000 });
    expect(live.connected).toBe(true);
    vi.advanceTimersByTime(45_000);
    expect(live.connected).toBe(false);
  });

  it('goes by the clock of the server', () => {
    Stream.last.tell('ping', { now: Date.now() / 1000 + 3600 });
    expect(live.ahead).toBeCloseTo(3600, 0);
    vi.advanceTimersByTime(2000);
    expect(live.now - Date.now() / 1000).toBeCloseTo(3600, 0);
  });

  it('counts what arrives, and not what had happened before', () => {
    Stream.last.tell('hello', { now: 1000 });
    Stream.last.tell('queries', { queries: [row(1), row(2)], skipped: 500 });
    Stream.last.tell('counts', {});
    vi.advanceTimersByTime(1000);
    expect(live.rate).toBe(0);
    Stream.last.tell('queries', { queries: [row(3)], skipped: 39 });
    vi.advanceTimersByTime(1000);
    expect(live.rate).toBeCloseTo(20, 0);
    vi.advanceTimersByTime(6000);
    expect(live.rate).toBeCloseTo(5, 0);
    vi.advanceTimersByTime(6000);
    expect(live.rate).toBe(0);
  });

  it('asks for the session when it is refused', () => {
    const asked = vi.fn();
    live.onRefused = asked;
    Stream.last.handlers.get('error')?.({});
    expect(asked).toHaveBeenCalledOnce();
  });
});

describe('minutes', () => {
  const old = { start: 600, step: 60, queries: [1, 2, 3], blocked: [0, 1, 0] };

  it('that are newer are put in, and quiet ones between are zero', () => {
    expect(joined(old, { start: 720, step: 60, queries: [5, 0, 0, 9], blocked: [1, 0, 0, 2] })).toEqual({
      start: 600, step: 60, queries: [1, 2, 5, 0, 0, 9], blocked: [0, 1, 1, 0, 0, 2],
    });
    expect(joined(old, { start: 900, step: 60, queries: [4], blocked: [4] }).queries).toEqual([1, 2, 3, 0, 0, 4]);
  });

  it('are never more than a day', () => {
    const day = { start: 0, step: 60, queries: new Array<number>(1440).fill(1), blocked: new Array<number>(1440).fill(0) };
    const moved = joined(day, { start: 1440 * 60, step: 60, queries: [7], blocked: [7] });
    expect(moved.queries).toHaveLength(1440);
    expect(moved.start).toBe(60);
    expect(moved.queries.at(-1)).toBe(7);
  });
});
