import { describe, expect, it } from 'vitest';

import { changesOf, grouped, isAbout, matches, shownValue, typedOf, valueOf, type Setting } from './setting';

const setting = (path: string, type: Setting['type'], value: unknown, more: Partial<Setting> = {}): Setting => ({
  path, type, value, default: value, origin: 'default', where: '', stored: null, changeable: true, why_not: '', needs_restart: false, secret: false,
  choices: [], description: 'How long answers are kept.', write: '', ...more,
});
const ttl = setting('cache.max_ttl', 'time', '24h');
const port = setting('server.port', 'number', 53);
const nets = setting('limits.exempt', 'list', ['10.0.0.0/8', '::1']);
const on = setting('query_log.enabled', 'boolean', true);

describe('a search', () => {
  it('finds by path, by its words, and by the description', () => {
    for (const find of ['', 'max_ttl', 'cache max', 'ANSWERS kept', '24h']) expect(matches(ttl, find)).toBe(true);
    for (const find of ['min_ttl', 'cache nothing', '.*']) expect(matches(ttl, find)).toBe(false);
  });
  it('leaves the order of sections and settings as it is', () => {
    expect(grouped([ttl, port, nets, setting('cache.size', 'size', '1M')]).map(([name, all]) => [name, all.length])).toEqual([['cache', 2], ['server', 1], ['limits', 1]]);
    expect(grouped([])).toEqual([]);
  });
});

describe('what is typed', () => {
  it('is what holds, until something is typed', () => {
    for (const one of [ttl, port, nets, on]) expect(valueOf(one, typedOf(one, one.value))).toEqual(one.value);
    expect(typedOf(port, null)).toBe('');
  });
  it('is a number where it is one, and sent as it is where not', () => {
    expect(valueOf(port, ' 5353 ')).toBe(5353);
    expect(valueOf(port, '-1.5')).toBe(-1.5);
    for (const text of ['', 'abc', '1e5', '0x10', 'Infinity', '9'.repeat(40)]) expect(valueOf(port, text)).toBe(text);
  });
  it('is a list of its lines, without empty ones', () => {
    expect(valueOf(nets, ' a \n\n\tb\n')).toEqual(['a', 'b']);
    expect(valueOf(nets, '')).toEqual([]);
    expect(shownValue(['a', 'b'])).toBe('a, b');
  });
});

describe('changes', () => {
  it('are only what differs from what holds', () => {
    expect(changesOf([ttl, port, nets], { 'cache.max_ttl': { typed: '24h', base: '24h' } })).toEqual([]);
    expect(changesOf([nets], { 'limits.exempt': { typed: '10.0.0.0/8\n\n::1\n', base: nets.value } })).toEqual([]);
    expect(changesOf([port], { 'server.port': { typed: '54', base: 53 } })).toMatchObject([{ before: 53, after: 54, conflict: false }]);
  });
  it('are in conflict when something else holds now than when they were begun', () => {
    expect(changesOf([port], { 'server.port': { typed: '54', base: 5300 } })[0]?.conflict).toBe(true);
    expect(changesOf([nets], { 'limits.exempt': { typed: 'x', base: ['10.0.0.0/8', '::1'] } })[0]?.conflict).toBe(false);
  });
  it('are none when somebody else has come to the same', () => {
    expect(changesOf([port], { 'server.port': { typed: '53', base: 5300 } })).toEqual([]);
  });
  it('are not made of what every object has', () => {
    expect(changesOf([setting('constructor', 'text', 'x')], {})).toEqual([]);
  });
});

describe('a problem', () => {
  it('belongs to the setting that it names', () => {
    for (const where of ['cache.size', 'settings.cache.size', 'cache.size[2]']) expect(isAbout(where, 'cache.size')).toBe(true);
    for (const where of ['cache.size_more', 'cache', 'xcache.size', 'If-Match']) expect(isAbout(where, 'cache.size')).toBe(false);
  });
});
