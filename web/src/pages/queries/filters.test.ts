import { describe, expect, it } from 'vitest';

import { chipsOf, fromAddress, isEmpty, NOTHING, toAddress, toParameters, typed, without, withValue, type Filters } from './filters';

const full: Filters = {
  name: '.example.com', client: ['192.168.1.7', '10.0.0.0/8'], type: ['AAAA', 'HTTPS'], outcome: ['blocked'], rcode: ['NXDOMAIN'],
  transport: ['udp'], list: ['OISD "small" & <b>'], rule: '||ads^$client=1', upstream: ['9.9.9.9:53'], since: 1_795_000_000, until: 1_795_000_600.5,
};

const query = (filters: Filters) => new URLSearchParams(toParameters(filters));

describe('filters in the address', () => {
  it('come back from it as they went in', () => {
    expect(fromAddress(new URLSearchParams(query(full).toString()))).toEqual(full);
    expect(fromAddress(new URLSearchParams())).toEqual(NOTHING);
  });

  it('are written with commas, as the server reads them', () => {
    expect(query(full).get('client')).toBe('192.168.1.7,10.0.0.0/8');
    expect([...query(NOTHING)]).toEqual([]);
    expect(toAddress(NOTHING).outcome).toBeNull();
  });

  it('are compared as the server compares them', () => {
    const found = fromAddress(new URLSearchParams('type=aaaa,AAAA,,https&outcome=Blocked&name=WWW.Example&list=Kids'));
    expect(found).toMatchObject({ type: ['AAAA', 'HTTPS'], outcome: ['blocked'], name: 'www.example', list: ['Kids'] });
  });

  it.each(['since=soon', 'since=-1', 'since=1e99', 'until=NaN', 'until=Infinity'])('bear nonsense: %s', (text) => {
    expect(isEmpty(fromAddress(new URLSearchParams(text)))).toBe(true);
  });

  it('ignore what is no filter', () => {
    expect(fromAddress(new URLSearchParams('row=5&__proto__=x&constructor=y'))).toEqual(NOTHING);
  });
});

describe('changing filters', () => {
  it('adds a value once and takes it away again', () => {
    const one = withValue(NOTHING, 'type', 'aaaa');
    expect(withValue(one, 'type', 'AAAA')).toBe(one);
    const two = withValue(one, 'type', 'A');
    expect(two.type).toEqual(['AAAA', 'A']);
    expect(without(two, 'type', 'AAAA').type).toEqual(['A']);
    expect(without(withValue(NOTHING, 'since', 5), 'since')).toEqual(NOTHING);
    expect(NOTHING.type).toEqual([]);
  });

  it('shows each as a chip but the name, which stands in its field', () => {
    expect(chipsOf(full).filter(({ field }) => field === 'client')).toHaveLength(2);
    expect(chipsOf(full).some(({ field }) => field === 'name')).toBe(false);
  });
});

describe('what was typed', () => {
  it('is a part of the name, and filters by their names', () => {
    expect(typed('  type:aaaa,a tracker outcome:Blocked ')).toEqual({
      name: 'tracker',
      chips: [{ field: 'type', value: 'AAAA' }, { field: 'type', value: 'A' }, { field: 'outcome', value: 'blocked' }],
    });
  });

  it('keeps colons of addresses and of words that are no filter', () => {
    expect(typed('client:2001:db8::7').chips).toEqual([{ field: 'client', value: '2001:db8::7' }]);
    expect(typed('http://x since:5 type:')).toEqual({ name: 'http://x since:5 type:', chips: [] });
  });
});
