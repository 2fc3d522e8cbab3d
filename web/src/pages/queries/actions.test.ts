import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { apply, contrary, isKnown, takeBack, untilTonight, type Choice } from './actions';

describe('until tonight', () => {
  it('is the end of the reader’s day, by the server’s clock', () => {
    const evening = new Date(2026, 10, 24, 22, 30, 0).getTime() / 1000;
    expect(untilTonight(evening)).toBe(5400);
    expect(untilTonight(new Date(2026, 10, 24, 0, 0, 0).getTime() / 1000)).toBe(86_400);
  });

  it('is never nothing', () => {
    expect(untilTonight(new Date(2026, 10, 24, 23, 59, 59, 900).getTime() / 1000)).toBe(1);
  });

  it('lasts as long as the day does when clocks are changed', () => {
    for (let day = 0; day < 366; day += 1) {
      const noon = new Date(2026, 0, 1 + day, 12, 0, 0);
      const end = new Date(noon.getTime() + untilTonight(noon.getTime() / 1000) * 1000);
      expect([end.getHours(), end.getMinutes()]).toEqual([0, 0]);
    }
  });
});

describe('what is offered', () => {
  it('is the contrary of what happened', () => {
    expect(contrary('blocked')).toBe('allow');
    expect(contrary('cached')).toBe('block');
    expect(contrary('failed')).toBe('block');
  });

  it('is nothing for a client that is hidden', () => {
    expect([isKnown('192.168.1.7'), isKnown('0.0.0.0'), isKnown('::')]).toEqual([true, false, false]);
  });
});

describe('asking the server', () => {
  const requests: { method: string; path: string; body: unknown }[] = [];
  let answers: Record<string, unknown> = {};
  beforeEach(() => {
    requests.length = 0;
    vi.stubGlobal('fetch', async (request: Request) => {
      const path = new URL(request.url).pathname;
      const text = await request.text();
      requests.push({ method: request.method, path, body: text ? JSON.parse(text) : null });
      return new Response(JSON.stringify(answers[`${request.method} ${path}`] ?? {}), { headers: { 'Content-Type': 'application/json' } });
    });
  });
  afterEach(() => vi.unstubAllGlobals());

  const changed = { rules: [{ number: 7, text: 'x', comment: '', created: 1, until: null, enabled: true }], notes: [], live: true, milliseconds: 1 };
  const choice: Choice = { act: 'allow', name: 'ads.example', scope: 'exact', client: '192.168.1.7', long: 'hour' };

  it('says no more than is meant', async () => {
    await apply(choice, 'why', 0);
    expect(requests[0]?.body).toEqual({ name: 'ads.example', action: 'allow', scope: 'exact', client: '192.168.1.7', seconds: 3600, comment: 'why' });
    await apply({ ...choice, client: null, long: 'ever', scope: 'subtree', act: 'block' }, '', 0);
    expect(requests[1]?.body).toEqual({ name: 'ads.example', action: 'block', scope: 'subtree', comment: '' });
  });

  it('takes back the change itself, so that a rule that was there before gets its old end again', async () => {
    const entry = (number: number, rule: number) => ({ number, what: 'add rules', after: { rules: { [rule]: {} } } });
    answers = { 'GET /api/v1/audit': { changes: [entry(90, 8), entry(89, 7), entry(2, 7)], next: null } };
    await takeBack(changed);
    expect(requests.at(-1)).toMatchObject({ method: 'POST', path: '/api/v1/audit/89/undo' });
  });

  it('removes the rule when the change is not found', async () => {
    answers = { 'GET /api/v1/audit': { changes: [{ number: 3, what: 'add rules', after: null }], next: null } };
    await takeBack(changed);
    expect(requests.at(-1)).toMatchObject({ method: 'DELETE', path: '/api/v1/rules/7' });
  });
});
