import { describe, expect, it } from 'vitest';

import { drawn, HIGHEST, laidOut, moved, placed, type View } from './window';

const view = (more: Partial<View> = {}): View => ({ total: 1000, size: 32, height: 640, top: 0, base: 0, ...more });

describe('which rows are drawn', () => {
  it('are those that are seen, and a few around them', () => {
    expect(drawn(view())).toEqual({ first: 0, end: 28 });
    expect(drawn(view({ top: 3200 }))).toEqual({ first: 92, end: 128 });
    expect(drawn(view({ top: 1000 * 32 - 640 }))).toEqual({ first: 972, end: 1000 });
  });

  it('are none of nothing, and all of a few', () => {
    expect(drawn(view({ total: 0 }))).toEqual({ first: 0, end: 0 });
    expect(drawn(view({ total: 3 }))).toEqual({ first: 0, end: 3 });
  });

  it('stay in bounds when rows have gone', () => {
    const { first, end } = drawn(view({ total: 10, top: 50_000 }));
    expect(first).toBeLessThan(end);
    expect(end).toBe(10);
  });
});

describe('more rows than a browser draws', () => {
  const many = 4_000_000;

  it('are laid out in part', () => {
    for (const base of [0, 32_000_000, many * 32 - HIGHEST]) expect(laidOut(view({ total: many, base }))).toBeLessThanOrEqual(HIGHEST);
    expect(laidOut(view())).toBe(32_000);
  });

  it('are all reached by scrolling on, and none is left out or seen twice', () => {
    let now = view({ total: many });
    let pixel = 0;
    while (pixel + now.height < many * 32) {
      const step = Math.min(1_000_000, many * 32 - now.height - pixel);
      now = { ...now, top: now.top + step };
      pixel += step;
      const next = moved(now);
      now = { ...now, ...next };
      expect(now.base + now.top).toBe(pixel);
      expect(now.base % now.size).toBe(0);
      expect(now.top + now.height).toBeLessThanOrEqual(laidOut(now));
    }
    expect(drawn(now).end).toBe(many);
  });

  it('lead back to the first one, too', () => {
    let now = { ...view({ total: many }), ...placed(many * 32, view({ total: many })) };
    let pixel = now.base + now.top;
    while (pixel > 0) {
      const step = Math.min(900_000, pixel);
      now = { ...now, top: now.top - step };
      pixel -= step;
      const next = moved(now);
      now = { ...now, ...next };
      expect(now.base + now.top).toBe(pixel);
      expect(now.top).toBeGreaterThanOrEqual(0);
    }
    expect(now).toMatchObject({ base: 0, top: 0 });
  });

  it('end at their ends when the reader leaps there', () => {
    const middle = view({ total: many, ...placed(60_000_000, view({ total: many })) });
    expect(moved({ ...middle, top: 0 })).toEqual({ base: 0, top: 0 });
    const end = moved({ ...middle, top: laidOut(middle) - middle.height });
    expect(end.base + end.top).toBe(many * 32 - 640);
  });

  it('show any row that is wanted', () => {
    for (const index of [0, 1, 250_000, 3_999_999]) {
      const found = { ...view({ total: many }), ...placed(index * 32, view({ total: many })) };
      const { first, end } = drawn(found);
      expect(first).toBeLessThanOrEqual(index);
      expect(end).toBeGreaterThan(index);
    }
  });
});
