import { describe, expect, it } from 'vitest';

import { pasted } from './pasted';

describe('lines of a hosts file', () => {
  it('are records, one for each name', () => {
    expect(pasted('192.168.1.2 nas.home.arpa nas # the big one\r\nfd00::2\tnas.home.arpa\n\n# nothing')).toEqual({
      records: [
        { name: 'nas.home.arpa', type: 'A', value: '192.168.1.2' },
        { name: 'nas', type: 'A', value: '192.168.1.2' },
        { name: 'nas.home.arpa', type: 'AAAA', value: 'fd00::2' },
      ],
      bad: [],
    });
  });

  it('that are none are told by their number', () => {
    expect(pasted('nas 192.168.1.2\n256.1.1.1 a\n1.2.3 b\n192.168.1.3\n::1 ok').bad).toEqual([1, 2, 3, 4]);
  });

  it('are not repeated', () => {
    expect(pasted('10.0.0.1 A.example\n10.0.0.1 a.example').records).toHaveLength(1);
  });

  it('keep what looks like markup as a name, which the server judges', () => {
    expect(pasted('10.0.0.1 <b>x</b>').records[0]?.name).toBe('<b>x</b>');
  });
});
