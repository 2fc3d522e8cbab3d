import { describe, expect, it } from 'vitest';

import { barOf, changeOf, stretchOf, thinned } from './stretch';

const points = (at: number[], queries: number[], p95: (number | null)[]) => ({
  at, queries, blocked: queries.map(() => 1), p50: p95, p90: p95, p95, p99: p95,
});

describe('the stretch of the address', () => {
  it('is the last day when nothing or nonsense is said', () => {
    for (const text of ['', 'period=century', 'since=5', 'since=9&until=3', 'since=x&until=y', 'period=__proto__']) {
      expect(stretchOf(new URLSearchParams(text)).period).toBe('day');
    }
  });

  it('is what was zoomed to', () => {
    expect(stretchOf(new URLSearchParams('since=1000&until=4600'))).toEqual({ since: 1000, until: 4600, seconds: 3600, period: null });
  });
});

describe('bars', () => {
  it('are never too many, and full of whole steps', () => {
    for (const [seconds, step] of [[3600, 60], [86_400, 60], [7 * 86_400, 3600], [30 * 86_400, 3600]] as const) {
      const size = barOf(seconds, step);
      expect(seconds / size).toBeLessThanOrEqual(180);
      expect(size % step).toBe(0);
    }
    expect(barOf(365 * 86_400, 86_400)).toBe(86_400);
  });

  it('add up to what they are made of, and keep the longest time', () => {
    const made = thinned(points([0, 60, 120, 600], [1, 2, 3, 4], [null, 5, 2, null]), 600);
    expect(made.at).toEqual([0, 600]);
    expect(made.queries).toEqual([6, 4]);
    expect(made.blocked).toEqual([3, 1]);
    expect(made.p95).toEqual([5, null]);
  });

  it('are none of nothing', () => {
    expect(thinned(points([], [], []), 60).at).toEqual([]);
  });
});

describe('a change', () => {
  it('is a share of what was before, and unknown when nothing was', () => {
    expect(changeOf(150, 100)).toBeCloseTo(0.5);
    expect(changeOf(5, 0)).toBeNull();
    expect(changeOf(5, undefined)).toBeNull();
  });
});
