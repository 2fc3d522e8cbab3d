import { describe, expect, it } from 'vitest';

import { rulesOf, secondsOf } from './lengths';

describe('how long a rule counts', () => {
  it('is for good, or some seconds', () => {
    expect(secondsOf('ever')).toBeNull();
    expect(secondsOf('ten')).toBe(600);
  });

  it('until tonight ends at midnight, and never at once', () => {
    const evening = new Date(2026, 10, 20, 18, 0, 0).getTime();
    expect(secondsOf('tonight', evening)).toBe(6 * 3600);
    const late = new Date(2026, 10, 20, 23, 30, 0).getTime();
    expect(secondsOf('tonight', late)).toBe(24.5 * 3600);
  });
});

describe('a text of rules', () => {
  it('has one on each line, without comments, headers and repetitions', () => {
    expect(rulesOf('! title\r\n||a.example^\n\n# no\n  b.example  \n||a.example^\n[Adblock Plus 2.0]')).toEqual(['||a.example^', 'b.example']);
  });

  it('keeps what looks like markup as it is', () => {
    expect(rulesOf('<script>alert(1)</script>')).toEqual(['<script>alert(1)</script>']);
  });
});
