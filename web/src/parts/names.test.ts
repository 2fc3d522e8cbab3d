import { describe, expect, it } from 'vitest';

import { isSuspicious, unicodeName, visible } from './names';

describe('what strangers wrote', () => {
  it('is shown without characters that are not seen or turn text around', () => {
    expect(visible('moc.\u202Eelgoog')).toBe('moc.\\u{202E}elgoog');
    expect(visible('a\u0000b\u200Bc\u00ADd\u2028e')).toBe('a\\u{0}b\\u{200B}c\\u{AD}d\\u{2028}e');
    expect(visible('two  words\tand a tab')).toBe('two  words\\u{9}and a tab');
  });

  it('is otherwise left as it is', () => {
    for (const text of ['example.org', '<b>bold</b>', 'Müllers Küche', '日本語.jp', '']) expect(visible(text)).toBe(text);
  });
});

describe('an internationalized name', () => {
  it('has its letters', () => {
    expect(unicodeName('www.xn--mller-kva.de')).toBe('www.müller.de');
    expect(unicodeName('XN--MLLER-KVA.de')).toBe('müller.de');
  });

  it('has none when it is not one, or can not be read', () => {
    for (const name of ['example.org', 'xn--99999999.example', 'xn--.example', 'axn--mller.de']) expect(unicodeName(name)).toBeNull();
  });

  it('that would turn the text around shows that', () => {
    // U+202E in a label, as a server that does not follow IDNA may answer it
    expect(visible(unicodeName('xn--abc-x8t.example') ?? '')).not.toMatch(/[\u202A-\u202E]/);
  });
});

describe('names that deceive', () => {
  it('are those that mix scripts', () => {
    expect(isSuspicious('xn--pple-43d.com')).toBe(true); // Cyrillic а and Latin pple
    expect(isSuspicious('gооgle.com')).toBe(true);
  });

  it('are those of letters that all look Latin', () => {
    expect(isSuspicious('xn--80ak6aa92e.com')).toBe(true); // аррӏе, all Cyrillic
  });

  it('are not names of one language', () => {
    for (const name of ['example.org', 'müller.de', 'почта.рф', '日本語テスト.jp', '한국.kr', 'xn--fiq228c.example', '1.168.192.in-addr.arpa']) {
      expect(isSuspicious(name)).toBe(false);
    }
  });
});
