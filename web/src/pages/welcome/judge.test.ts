import { describe, expect, it } from 'vitest';

import { isAt, isBlocked } from './judge';

const reply = (answer: string[], codes: number[]) =>
  ({ reply: { answer: answer.map((data) => ({ data })), edns: { errors: codes.map((code) => ({ code })) } } }) as never;

describe('an answer', () => {
  it('is that of a blocked name when it says so, or leads nowhere', () => {
    expect(isBlocked(reply([], [15]))).toBe(true);
    expect(isBlocked(reply(['0.0.0.0'], []))).toBe(true);
    expect(isBlocked(reply(['192.0.2.1'], [3]))).toBe(false);
    expect(isBlocked({ reply: null })).toBe(false);
  });
});

describe('an upstream', () => {
  it('is the address that was chosen, with its port or without', () => {
    expect(isAt('9.9.9.9:53', '9.9.9.9')).toBe(true);
    expect(isAt('[2620:fe::fe]:53', '2620:fe::fe')).toBe(true);
    expect(isAt('127.0.0.1:5455', '127.0.0.1:5455')).toBe(true);
    expect(isAt('9.9.9.10:53', '9.9.9.1')).toBe(false);
    expect(isAt('[2620:fe::fe:10]:53', '2620:fe::fe')).toBe(false);
  });
});
