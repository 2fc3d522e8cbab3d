// Numbers, moments and lengths for people, in their language.

import { language } from './index.svelte';

const made = new Map<string, unknown>();

function once<T>(key: string, make: () => T): T {
  const full = `${language.tag} ${key}`;
  let found = made.get(full) as T | undefined;
  if (found === undefined) made.set(full, (found = make()));
  return found;
}

const numbers = (key: string, options: Intl.NumberFormatOptions) =>
  once(key, () => new Intl.NumberFormat(language.tag, options));
const times = (key: string, options: Intl.DateTimeFormatOptions) =>
  once(key, () => new Intl.DateTimeFormat(language.tag, options));

/** 12,345 */
export const whole = (value: number) => numbers('whole', { maximumFractionDigits: 0 }).format(value);

/** 12.3K from ten thousand on */
export const short = (value: number) =>
  Math.abs(value) < 10_000 ? whole(value) : numbers('short', { notation: 'compact', maximumFractionDigits: 1 }).format(value);

/** 31.2 %, of a share from 0 to 1; a dash of nothing */
export const percent = (share: number | null | undefined) =>
  share === null || share === undefined || !Number.isFinite(share)
    ? '–'
    : numbers('percent', { style: 'percent', maximumFractionDigits: share !== 0 && share < 0.1 ? 1 : share === 1 ? 0 : 1 }).format(share);

/** +12 %, of a change as a share */
export const change = (share: number) =>
  numbers('change', { style: 'percent', maximumFractionDigits: 0, signDisplay: 'exceptZero' }).format(share);

/** 14 ms, 1.2 s; a dash of nothing */
export function milliseconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  if (value >= 10_000) return unit(value / 1000, 'second', 0);
  if (value >= 1000) return unit(value / 1000, 'second', 1);
  return unit(value, 'millisecond', value < 10 && value > 0 ? (value < 1 ? 2 : 1) : 0);
}

function unit(value: number, name: string, digits: number): string {
  return numbers(`unit ${name} ${digits}`, { style: 'unit', unit: name, maximumFractionDigits: digits }).format(value);
}

/** 3.4 MB */
export function octets(value: number): string {
  const names = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let step = 0;
  while (value >= 1000 && step < names.length - 1) {
    value /= 1000;
    step += 1;
  }
  return unit(value, names[step] ?? 'byte', step && value < 100 ? 1 : 0);
}

/** 14:03:07 */
export const clock = (at: number) => times('clock', { timeStyle: 'medium' }).format(at * 1000);
/** 14:03 */
export const hour = (at: number) => times('hour', { timeStyle: 'short' }).format(at * 1000);
/** 23 Nov */
export const day = (at: number) => times('day', { day: 'numeric', month: 'short' }).format(at * 1000);
/** Nov 2026 */
export const month = (at: number) => times('month', { month: 'short', year: 'numeric' }).format(at * 1000);
/** 23 Nov 2026, 14:03 */
export const moment = (at: number) => times('moment', { dateStyle: 'medium', timeStyle: 'short' }).format(at * 1000);
/** 23 Nov 2026, 14:03:07 */
export const exact = (at: number) => times('exact', { dateStyle: 'medium', timeStyle: 'medium' }).format(at * 1000);

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/** 3 minutes ago, in 2 hours; `now` in seconds as `at` */
export function ago(at: number, now: number): string {
  const format = once('ago', () => new Intl.RelativeTimeFormat(language.tag, { numeric: 'auto' }));
  const distance = at - now;
  const [name, size] = STEPS.find(([, seconds]) => Math.abs(distance) >= seconds) ?? ['second', 1];
  return format.format(Math.trunc(distance / size), name);
}

/** 4:59 or 1:02:03, of seconds that are left */
export function countdown(seconds: number): string {
  const left = Math.max(0, Math.ceil(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(left / 3600);
  const rest = `${hours ? two(Math.floor(left / 60) % 60) : Math.floor(left / 60)}:${two(left % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

/** a, b and c */
export const list = (words: string[]) =>
  once('list', () => new Intl.ListFormat(language.tag, { type: 'conjunction' })).format(words);

/** The form of a word for a number: `plural(n, { one: '# query', other: '# queries' })`; # is the number. */
export function plural(value: number, forms: { one: string; other: string }): string {
  const rules = once('plural', () => new Intl.PluralRules(language.tag));
  return (rules.select(value) === 'one' ? forms.one : forms.other).replace('#', whole(value));
}
