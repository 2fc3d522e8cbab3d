// Saves settings: all or none, never over what somebody else has changed meanwhile, and with a way back.

import { api, ask, askWhole, Problem, type Schemas } from '$/api/client';

import { changesOf, type Change, type Edit, type Setting } from './setting';

const TRIES = 3; // others may change other settings in between

export interface Saved {
  kind: 'saved';
  answer: Schemas['ChangedSettings'];
  undo: (() => Promise<unknown>) | undefined;
}
export interface Conflicts {
  kind: 'conflict';
  settings: Setting[];
}

export async function save(edits: Readonly<Record<string, Edit>>): Promise<Saved | Conflicts> {
  for (let attempt = 1; ; attempt += 1) {
    const { data, response } = await askWhole(api.GET('/api/v1/settings'));
    const changes = changesOf(data.settings, edits);
    if (changes.some((one) => one.conflict)) return { kind: 'conflict', settings: data.settings };
    if (!changes.length) return { kind: 'saved', answer: { changed: [], needs_restart: [], warnings: [] }, undo: undefined };
    try {
      const answer = await ask(
        api.PATCH('/api/v1/settings', { body: { settings: bodyOf(changes) }, headers: { 'If-Match': response.headers.get('ETag') ?? '*' } }),
      );
      return { kind: 'saved', answer, undo: await undoOf(answer.changed) };
    } catch (problem) {
      if (!(problem instanceof Problem && problem.status === 412 && attempt < TRIES)) throw problem;
    }
  }
}

export const bodyOf = (changes: readonly Change[]) => Object.fromEntries(changes.map((one) => [one.setting.path, one.after]));

/** The answer does not say its number in the history, so the newest change of just these settings is it. */
export async function undoOf(changed: readonly string[]): Promise<(() => Promise<unknown>) | undefined> {
  if (!changed.length) return undefined;
  try {
    const { changes } = await ask(api.GET('/api/v1/audit', { params: { query: { what: 'change settings', limit: 1 } } }));
    const last = changes[0];
    if (!last?.revertible || last.target !== changed.join(', ')) return undefined;
    return () => ask(api.POST('/api/v1/audit/{number}/undo', { params: { path: { number: last.number } } }));
  } catch {
    return undefined; // it is saved all the same; the history has its own way back
  }
}
