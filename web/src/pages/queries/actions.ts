// Allow or block a name from the log, and take that back.

import { api, ask, type Schemas } from '$/api/client';

export type Act = 'allow' | 'block';
export type Long = 'ten' | 'hour' | 'tonight' | 'ever';
export const LONGS: readonly Long[] = ['ten', 'hour', 'tonight', 'ever'];

export interface Choice {
  act: Act;
  name: string;
  scope: 'exact' | 'subtree';
  /** Null: for everyone. */
  client: string | null;
  long: Long;
}

/** What came of an action, in words, and the way back. */
export interface Done {
  text: string;
  undo: () => Promise<void>;
}

type Changed = Schemas['ChangedRules'];

/** Seconds from now (by the server's clock) until the end of the reader's day. */
export function untilTonight(now: number): number {
  const end = new Date(now * 1000);
  end.setHours(24, 0, 0, 0);
  return Math.max(1, Math.round(end.getTime() / 1000 - now));
}

export function secondsOf(long: Long, now: number): number | null {
  return { ten: 600, hour: 3600, tonight: untilTonight(now), ever: null }[long];
}

/** What a query with this outcome needs: what was blocked is allowed, the rest blocked. */
export const contrary = (outcome: string): Act => (outcome === 'blocked' ? 'allow' : 'block');

/** Of a client that is hidden or excluded nothing is known, so no rule can be for it. */
export const isKnown = (client: string) => client !== '' && client !== '0.0.0.0' && client !== '::';

/** A name as a rule has it: without the dot at its end. */
export const isRoot = (name: string) => name === '' || name === '.';

export async function apply(choice: Choice, comment: string, now: number): Promise<Changed> {
  const seconds = secondsOf(choice.long, now);
  return ask(
    api.POST('/api/v1/rules', {
      body: {
        name: choice.name,
        action: choice.act,
        scope: choice.scope,
        comment,
        ...(choice.client !== null && { client: choice.client }),
        ...(seconds !== null && { seconds }),
      },
    }),
  );
}

/** Bring back what was before. A rule that was there already had another end, so the change is undone, not the rule removed. */
export async function takeBack(changed: Changed): Promise<void> {
  const { changes } = await ask(api.GET('/api/v1/audit', { params: { query: { limit: 50 } } }));
  const numbers = changed.rules.map((rule) => String(rule.number));
  const change = changes.find((one) => one.what === 'add rules' && numbers.every((number) => number in rulesOf(one.after)));
  if (change) {
    await ask(api.POST('/api/v1/audit/{number}/undo', { params: { path: { number: String(change.number) as never } } }));
    return;
  }
  for (const number of numbers) await ask(api.DELETE('/api/v1/rules/{number}', { params: { path: { number: number as never } } }));
}

function rulesOf(after: unknown): object {
  const rules = typeof after === 'object' && after !== null && 'rules' in after ? after.rules : null;
  return typeof rules === 'object' && rules !== null ? rules : {};
}
