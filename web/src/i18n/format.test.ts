import { beforeEach, describe, expect, it } from 'vitest';

import * as format from './format';
import { language } from './index.svelte';

beforeEach(() => language.choose('en'));

describe('numbers', () => {
  it('are written as the reader writes them', () => {
    expect(format.whole(12_345)).toBe('12,345');
    language.choose('de');
    expect(format.whole(12_345)).toBe('12.345');
    expect(format.percent(0.312)).toMatch(/^31,2\s?%$/);
  });

  it('of nothing are a dash', () => {
    expect([format.percent(null), format.percent(Number.NaN), format.milliseconds(null)]).toEqual(['–', '–', '–']);
  });

  it('that are large become short', () => {
    expect([format.short(9999), format.short(12_300), format.short(4_200_000)]).toEqual(['9,999', '12.3K', '4.2M']);
  });

  it('of time and size have their unit', () => {
    expect([format.milliseconds(0.14), format.milliseconds(14.2), format.milliseconds(1400)]).toEqual(['0.14 ms', '14 ms', '1.4 sec']);
    expect([format.octets(512), format.octets(3_400_000)]).toEqual(['512 byte', '3.4 MB']);
  });
});

describe('lengths', () => {
  it('count down to nothing and not below', () => {
    expect([format.countdown(299.2), format.countdown(3723), format.countdown(-5)]).toEqual(['5:00', '1:02:03', '0:00']);
  });

  it('are told from now, whatever clock this is', () => {
    expect(format.ago(1000, 1180)).toBe('3 minutes ago');
    expect(format.ago(1000 + 7200, 1000)).toBe('in 2 hours');
    expect(format.ago(1000, 1000)).toBe('now');
  });

  it('have the form of their number', () => {
    expect(format.plural(1, { one: '# query', other: '# queries' })).toBe('1 query');
    expect(format.plural(1200, { one: '# query', other: '# queries' })).toBe('1,200 queries');
  });
});
