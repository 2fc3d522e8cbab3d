import { describe, expect, it } from 'vitest';

import { differences } from './diff';
import { pathOf, qrCode } from './qr';

describe('a difference', () => {
  it('is said at its place, as it was and as it is', () => {
    expect(differences({ a: { b: 1, same: 2 } }, { a: { b: [1], same: 2 } })).toEqual([{ place: 'a › b', before: '1', after: '[1]' }]);
    expect(differences(null, { x: 'new' })).toEqual([{ place: 'x', after: 'new' }]);
    expect(differences({ x: 'old' }, { x: null })).toEqual([{ place: 'x', before: 'old' }]);
    expect(differences({ x: 1 }, { x: 1 })).toEqual([]);
  });
  it('is bounded in depth', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 50; level += 1) deep = { d: deep };
    expect(differences({}, deep)).toHaveLength(1);
  });
});

describe('a QR code', () => {
  it('is one rectangle for each run of dark modules', () => {
    expect(pathOf([[true, true, false, true], [false, false, false, false], [false, true, false, false]])).toBe('M0 0h2v1h-2zM3 0h1v1h-1zM1 2h1v1h-1z');
    expect(pathOf([])).toBe('');
  });
  it('has a margin that cameras need, and as many dark modules as its rectangles', () => {
    const { size, path } = qrCode('otpauth://totp/x:ada?secret=ABCDEFGHIJKLMNOP&issuer=x');
    expect((size - 8 - 17) % 4).toBe(0);
    const places = [...path.matchAll(/M(\d+) (\d+)h(\d+)v1/g)].map(([, x, y, width]) => [Number(x), Number(y), Number(width)] as const);
    expect(Math.min(...places.map(([x]) => x))).toBe(4);
    expect(places.every(([x, y, width]) => x + width <= size - 4 && y < size - 4)).toBe(true);
    expect(places[0]).toEqual([4, 4, 7]);
  });
});
