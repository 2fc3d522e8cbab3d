import { describe, expect, it } from 'vitest';

import { digText, recordText, type Found, type Reply } from './dig';

const reply: Reply = {
  id: 7, opcode: 0, rcode: 'NXDOMAIN', flags: ['qr', 'rd', 'ra'],
  question: [{ name: 'ads.example.', rclass: 'IN', type: 'A' }],
  answer: [], additional: [], trailing: 0,
  authority: [{ name: 'example.', ttl: 60, rclass: 'IN', type: 'SOA', data: 'ns. mail. 1 2 3 4 5' }],
  edns: { version: 0, dnssec_ok: true, payload: 1232, errors: [{ code: 15, title: 'Blocked', text: 'on a list' }], options: [{ name: 'NSID', data: 'abcd' }] },
};
const found: Found = { server: '127.0.0.1:53', problem: '', transport: 'UDP', truncated: false, milliseconds: 1.4, size: 99, reply, raw: '', sent: '' };

describe('an answer as dig writes it', () => {
  it('has header, OPT with its errors, question, sections and what it took', () => {
    expect(digText(found).split('\n')).toEqual([
      ';; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: 7',
      ';; flags: qr rd ra; QUERY: 1, ANSWER: 0, AUTHORITY: 1, ADDITIONAL: 1',
      '',
      ';; OPT PSEUDOSECTION:',
      '; EDNS: version: 0, flags: do; udp: 1232',
      '; EDE: 15 (Blocked): (on a list)',
      '; NSID: abcd',
      '',
      ';; QUESTION SECTION:',
      ';ads.example.\t\tIN\tA',
      '',
      ';; AUTHORITY SECTION:',
      'example.\t60\tIN\tSOA\tns. mail. 1 2 3 4 5',
      '',
      ';; Query time: 1 msec',
      ';; SERVER: 127.0.0.1:53 (UDP)',
      ';; MSG SIZE  rcvd: 99',
    ]);
  });

  it('that was truncated before says so first', () => {
    expect(digText({ ...found, truncated: true })).toMatch(/^;; truncated over UDP/);
  });

  it('that never came says why, and whom was asked', () => {
    const none: Found = { ...found, problem: 'no answer within 6 s', reply: null, transport: '', milliseconds: null, size: 0 };
    expect(digText(none)).toBe(';; no answer within 6 s\n;; SERVER: 127.0.0.1:53');
  });

  it('of a kind that has no name is told by its number', () => {
    expect(digText({ ...found, reply: { ...reply, opcode: 12, edns: null } })).toMatch(/opcode: OPCODE12, .*\n.*ADDITIONAL: 0/);
  });

  it('has records as zone files have them', () => {
    expect(recordText({ name: 'a.', ttl: 0, rclass: 'CH', type: 'TXT', data: '"x\\"y" "z"' })).toBe('a.\t0\tCH\tTXT\t"x\\"y" "z"');
  });
});
