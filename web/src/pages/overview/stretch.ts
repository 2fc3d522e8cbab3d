// Which stretch of time is looked at, and in how many bars it is shown.

import type { Schemas } from '$/api/client';

export const PERIODS = { day: 86_400, week: 7 * 86_400, month: 30 * 86_400, year: 365 * 86_400 } as const;
export type Period = keyof typeof PERIODS;

export interface Stretch {
  /** Seconds since the epoch; null: that long before now. */
  since: number | null;
  until: number | null;
  seconds: number;
}

type Points = Schemas['Points'];

/** What the address says; something else than a stretch is the last day. */
export function stretchOf(query: URLSearchParams): Stretch & { period: Period | null } {
  const since = Number(query.get('since'));
  const until = Number(query.get('until'));
  if (since > 0 && until > since) return { since, until, seconds: until - since, period: null };
  const named = query.get('period');
  const period = named !== null && Object.hasOwn(PERIODS, named) ? (named as Period) : 'day';
  return { since: null, until: null, seconds: PERIODS[period], period };
}

const SIZES = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];
const MOST_BARS = 180;

/** Seconds of one bar, so that there are not too many of them. */
export function barOf(seconds: number, step: number): number {
  if (step >= 86_400) return step;
  return SIZES.find((size) => size % step === 0 && seconds / size <= MOST_BARS) ?? 86_400;
}

/** Points put together to bars of `size` seconds; of times the highest is kept, as they can't be added. */
export function thinned(points: Points, size: number): Points {
  const out: Points = { at: [], queries: [], blocked: [], p50: [], p90: [], p95: [], p99: [] };
  points.at.forEach((at, index) => {
    const start = Math.floor(at / size) * size;
    let last = out.at.length - 1;
    if (last < 0 || out.at[last] !== start) {
      out.at.push(start);
      out.queries.push(0);
      out.blocked.push(0);
      for (const share of ['p50', 'p90', 'p95', 'p99'] as const) out[share].push(null);
      last += 1;
    }
    out.queries[last] = (out.queries[last] ?? 0) + (points.queries[index] ?? 0);
    out.blocked[last] = (out.blocked[last] ?? 0) + (points.blocked[index] ?? 0);
    for (const share of ['p50', 'p90', 'p95', 'p99'] as const) {
      const value = points[share][index] ?? null;
      if (value !== null) out[share][last] = Math.max(out[share][last] ?? 0, value);
    }
  });
  return out;
}

/** How much more or less it is than before, as a share; null when nothing was before. */
export function changeOf(now: number, before: number | undefined): number | null {
  return before ? now / before - 1 : null;
}
