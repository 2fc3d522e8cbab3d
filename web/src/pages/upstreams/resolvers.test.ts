import { describe, expect, it } from 'vitest';

import { Problem } from '$/api/client';

import { faultAt, isAllAt, isStale } from './faults';
import { KNOWN, linesOf, withAddresses } from './resolvers';

describe('addresses', () => {
  it('are read however they are separated', () => {
    expect(linesOf(' 9.9.9.9,\n[2620:fe::fe]:53;1.1.1.1\t\r\n\n')).toEqual(['9.9.9.9', '[2620:fe::fe]:53', '1.1.1.1']);
    expect(linesOf(' \n ')).toEqual([]);
  });

  it('of well-known resolvers come at the end, and only once', () => {
    const added = withAddresses('192.168.1.1\n9.9.9.9', ['9.9.9.9', '149.112.112.112']);
    expect(added).toBe('192.168.1.1\n9.9.9.9\n149.112.112.112');
    expect(withAddresses(added, ['9.9.9.9', '149.112.112.112'])).toBe(added);
  });

  it('of well-known resolvers are addresses, and each belongs to one', () => {
    const all = KNOWN.flatMap((one) => one.addresses);
    expect(new Set(all).size).toBe(all.length);
    for (const address of all) expect(address).toMatch(/^[0-9.]+$|^[0-9a-f:]+$/);
  });
});

describe('what is wrong', () => {
  const problem = new Problem(422, 'no', '', [
    { where: 'servers[1]', what: 'no address', instead: '9.9.9.9' },
    { where: 'body.name', what: 'is long', instead: '' },
  ]);

  it('stands at its field', () => {
    expect(faultAt(problem, 'servers')).toBe('no address. → 9.9.9.9');
    expect(faultAt(problem, 'name')).toBe('is long');
    expect(faultAt(problem, 'server')).toBe('');
    expect(faultAt(new Error('x'), 'name')).toBe('');
  });

  it('is told beside only when a field does not tell it', () => {
    expect(isAllAt(problem, ['servers', 'name'])).toBe(true);
    expect(isAllAt(problem, ['servers'])).toBe(false);
    expect(isAllAt(new Problem(503, 'busy'), ['servers'])).toBe(false);
  });

  it('may be that somebody was faster', () => {
    expect(isStale(new Problem(412, 'changed'))).toBe(true);
    expect(isStale(problem)).toBe(false);
  });
});
