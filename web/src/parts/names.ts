// What strangers wrote, shown for what it is: nothing invisible, nothing that turns the text around, no letter that plays another.

import { toUnicode } from 'punycode/punycode.es6.js';

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u3164\uffa0]|[^\S ]/gu;

/** The text with characters that are not seen, or that steer others, written as `\u{202E}`. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`);
}

/** The letters of an internationalized name (RFC 5890); null when it has none, or they can't be read. */
export function unicodeName(name: string): string | null {
  if (!/(^|\.)xn--/i.test(name)) return null;
  try {
    const found = toUnicode(name.toLowerCase());
    const lost = found.split('.').some((label, index) => label === '' && name.split('.')[index] !== '');
    return lost || found === name.toLowerCase() ? null : visible(found);
  } catch {
    return null;
  }
}

const SCRIPTS = ['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Hebrew', 'Arabic', 'Han', 'Hangul', 'Hiragana', 'Katakana', 'Thai', 'Cherokee', 'Georgian'];
const PATTERNS = SCRIPTS.map((script) => [script, new RegExp(`\\p{Script=${script}}`, 'u')] as const);
/** Cyrillic and Greek letters that look like Latin ones; a label of nothing else is read as Latin. */
const TWINS = /^[асеорхухіјѕһԁԛԝьѵӏνοαρτικυχωϲϳ0-9-]+$/u;
const JAPANESE = new Set(['Han', 'Hiragana', 'Katakana', 'Latin']);
const KOREAN = new Set(['Han', 'Hangul', 'Latin']);

/** Whether a label mixes scripts that no language mixes, or is made of letters that look like Latin ones (UTS 39, moderately restrictive). */
export function isSuspicious(name: string): boolean {
  const letters = unicodeName(name) ?? name;
  return letters.split('.').some((label) => {
    const scripts = PATTERNS.filter(([, pattern]) => pattern.test(label)).map(([script]) => script);
    if (scripts.length > 1) {
      return !scripts.every((script) => JAPANESE.has(script)) && !scripts.every((script) => KOREAN.has(script));
    }
    return scripts.length === 1 && scripts[0] !== 'Latin' && TWINS.test(label);
  });
}
