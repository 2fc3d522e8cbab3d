import { describe, expect, it } from 'vitest';

import { hexLines, hexText } from './hex';

describe('octets', () => {
  it('have their place, their digits and their letters', () => {
    const lines = hexLines('03777777076578616d706c6503636f6d0000010001');
    expect(lines.map((line) => line.offset)).toEqual(['0000', '0010']);
    expect(lines[0]?.octets).toHaveLength(16);
    expect(lines[0]?.text).toBe('.www.example.com');
    expect(lines[1]).toEqual({ offset: '0010', octets: ['00', '00', '01', '00', '01'], text: '.....' });
  });

  it('that are no ASCII are dots, the space and the tilde are not', () => {
    expect(hexLines('1f207e7f80ff0a')[0]?.text).toBe('. ~....');
  });

  it('of nothing are nothing', () => {
    expect(hexLines('')).toEqual([]);
    expect(hexText('')).toBe('');
  });

  it('end where there are no digits, or only half an octet', () => {
    expect(hexLines('abc')[0]?.octets).toEqual(['ab']);
    expect(hexLines('zz')).toEqual([]);
    expect(hexLines('ab<script>')[0]?.octets).toEqual(['ab']);
  });

  it('of the largest message there can be are all there', () => {
    const lines = hexLines('00'.repeat(65_535));
    expect(lines).toHaveLength(4096);
    expect(lines.at(-1)?.offset).toBe('fff0');
    expect(lines.at(-1)?.octets).toHaveLength(15);
  });

  it('are text in columns that line up', () => {
    const [full, short] = hexText('41'.repeat(17)).split('\n');
    expect(full).toBe('0000  41 41 41 41 41 41 41 41  41 41 41 41 41 41 41 41  |AAAAAAAAAAAAAAAA|');
    expect(short?.indexOf('|')).toBe(full?.indexOf('|'));
  });
});
