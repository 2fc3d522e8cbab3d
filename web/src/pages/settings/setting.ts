// Settings as they are shown, typed and sent; and what was typed but not saved yet.

import type { Schemas } from '$/api/client';

export type Setting = Schemas['SettingView'];
export type Value = string | number | boolean | string[];
/** What a control holds: a switch is a boolean, everything else is text, a list a line each. */
export type Typed = string | boolean;

export function typedOf(setting: Pick<Setting, 'type'>, value: unknown): Typed {
  if (setting.type === 'boolean') return value === true;
  if (Array.isArray(value)) return value.map(String).join('\n');
  return value === null || value === undefined ? '' : String(value);
}

/** What is sent. Text that is no number is sent as it is: the server says what is wrong with it, and where. */
export function valueOf(setting: Pick<Setting, 'type'>, typed: Typed): Value {
  if (typeof typed === 'boolean') return typed;
  if (setting.type === 'list') return typed.split('\n').map((line) => line.trim()).filter(Boolean);
  const text = setting.type === 'text' ? typed : typed.trim();
  return setting.type === 'number' && /^-?\d{1,15}(\.\d{1,9})?$/.test(text) ? Number(text) : text;
}

export const sameValue = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

/** For people: one line. */
export function shownValue(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join(', ');
  return value === null || value === undefined ? '' : String(value);
}

export const sectionOf = (path: string) => path.slice(0, Math.max(0, path.indexOf('.')));

/** Whether all words are in the path, the description or what holds. */
export function matches(setting: Setting, find: string): boolean {
  const text = `${setting.path} ${setting.path.replace(/[._]/g, ' ')} ${setting.description} ${shownValue(setting.value)}`.toLowerCase();
  return find.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

export function grouped(settings: readonly Setting[]): [string, Setting[]][] {
  const groups = new Map<string, Setting[]>();
  for (const one of settings) {
    const section = sectionOf(one.path);
    const group = groups.get(section);
    if (group) group.push(one);
    else groups.set(section, [one]);
  }
  return [...groups];
}

export interface Edit {
  typed: Typed;
  /** What held when it was begun. */
  base: unknown;
}
export interface Change {
  setting: Setting;
  before: unknown;
  after: Value;
  /** Somebody else has changed it since this was begun. */
  conflict: boolean;
}

/** The edits that change something, against what holds now. */
export function changesOf(settings: readonly Setting[], edits: Readonly<Record<string, Edit>>): Change[] {
  return settings.flatMap((setting) => {
    const edit = Object.hasOwn(edits, setting.path) ? edits[setting.path] : undefined;
    if (!edit) return [];
    const after = valueOf(setting, edit.typed);
    const same = typedOf(setting, valueOf(setting, edit.typed)) === typedOf(setting, setting.value);
    return same ? [] : [{ setting, before: setting.value, after, conflict: !sameValue(edit.base, setting.value) }];
  });
}

/** Which setting a problem is about: its place is the path, or ends with it. */
export const isAbout = (where: string, path: string) =>
  where === path || where.endsWith(`.${path}`) || where.startsWith(`${path}[`) || where.endsWith(`"${path}"]`) || where.startsWith(`${path}.`);
