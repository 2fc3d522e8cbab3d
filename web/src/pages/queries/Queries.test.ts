import { cleanup, fireEvent, render, screen, waitFor, within } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { live, type Row } from '$/app/live.svelte';
import { router } from '$/app/router.svelte';
import { session } from '$/app/session.svelte';

import Queries from './Queries.svelte';

const row = (number: number, more: Partial<Row> = {}): Row => ({
  number: 20_000e10 + number, at: 1_728_000_000 + number, client: '192.168.1.7', transport: 'udp', name: `n${number}.example`, type: 'A', outcome: 'blocked',
  rcode: 'NOERROR', list: 'Kids', rule: 'example', scope: 'subtree', line: 4, upstream: null, duration_ms: 0, ...more,
});

type Answer = (url: URL, body: unknown) => [number, unknown];
let answer: Answer;
const asked: string[] = [];

const found = (queries: Row[], more = {}) => ({ boot: 'b', logged: true, queries, before: null, complete: true, ...more });
const explained = (name: string) => ({
  name, type: 'A', verdict: 'block', others: [], without: [{ list: 'Kids', source: '', verdict: 'none', rule: null, by: null, changes: true }],
  rules: [{ decides: true, action: 'block', list: '<b>\u202eKids', source: '', rule: 'example', scope: 'subtree', line: 4, step: 'any rule', why: 'the only one' }],
});

function answering(rows: Row[], more: Record<string, unknown> = {}): Answer {
  return (url) => {
    if (url.pathname === '/api/v1/queries') return [200, found(rows, more)];
    if (url.pathname === '/api/v1/explain') return [200, explained(url.searchParams.get('name') ?? '')];
    return [200, { total: 0, devices: [] }];
  };
}

beforeEach(() => {
  asked.length = 0;
  history.replaceState(null, '', '/queries');
  router.go('/queries', { replace: true });
  session.welcome({ name: 'ada', role: 'operator', how: 'session', csrf: 'x' } as never);
  vi.stubGlobal('fetch', async (request: Request) => {
    const url = new URL(request.url);
    asked.push(`${request.method} ${url.pathname}${url.search}`);
    const text = await request.text();
    const [status, body] = answer(url, text ? JSON.parse(text) : null);
    return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe('the page', () => {
  it('teaches how to begin when nobody has asked anything', async () => {
    answer = answering([]);
    render(Queries);
    expect(await screen.findByText('No query has arrived yet')).toBeTruthy();
    expect(screen.getByRole('link', { name: 'How to point a device here' }).getAttribute('href')).toBe('/guide');
  });

  it('says that filters leave nothing, and drops them', async () => {
    router.go('/queries?type=TXT&name=x', { replace: true });
    answer = (url) => [200, url.pathname === '/api/v1/queries' ? found(url.searchParams.has('type') ? [] : [row(1)]) : { total: 0, devices: [] }];
    render(Queries);
    await fireEvent.click(await screen.findByRole('button', { name: 'Remove the filters' }));
    expect(await screen.findByText('n1.example')).toBeTruthy();
    expect(location.search).toBe('');
  });

  it('says that the log is off, and offers no file of it', async () => {
    answer = answering([], { logged: false });
    render(Queries);
    expect(await screen.findByText('There is nothing to show')).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'Export' })).toBeNull();
  });

  it('says what went wrong, and tries again', async () => {
    answer = (url) => [url.pathname === '/api/v1/queries' ? 503 : 200, { detail: 'Too many look at the same time.' }];
    render(Queries);
    expect(await screen.findByText('Too many look at the same time.')).toBeTruthy();
    answer = answering([row(1)]);
    await fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByText('n1.example')).toBeTruthy();
  });

  it('shows what strangers wrote as text, with nothing unseen', async () => {
    answer = answering([row(1, { name: '<img src=x onerror=alert(1)>\u202egpj', list: '<script>\u0000', client: '\u200b1', type: '<i>' }), row(2, { name: 'xn--pple-43d.example' })]);
    const { container } = render(Queries);
    expect(await screen.findByText('<img src=x onerror=alert(1)>\\u{202E}gpj')).toBeTruthy();
    expect(screen.getByText('\\u{200B}1')).toBeTruthy();
    expect(screen.getByText('<script>\\u{0}')).toBeTruthy();
    expect(screen.getByText('This name has characters that can be taken for others.')).toBeTruthy();
    expect(container.querySelector('[role=grid] :is(img, script, i:not([aria-hidden]))')).toBeNull();
  });

  it('does not pretend to be live when nothing is heard from the server', async () => {
    answer = answering([row(1)]);
    render(Queries);
    await screen.findByText('n1.example');
    expect(screen.getByText('Not live')).toBeTruthy();
    live.connected = true;
    expect(await screen.findByText('Live')).toBeTruthy();
    await fireEvent.click(screen.getByRole('button', { name: 'Pause' }));
    expect(screen.getByText('Paused')).toBeTruthy();
    live.connected = false;
    expect(await screen.findByText('Not live')).toBeTruthy();
  });

  it('is a grid that says where each row stands', async () => {
    answer = answering([row(2), row(1)]);
    render(Queries);
    await screen.findByText('n2.example');
    const grid = screen.getByRole('grid');
    expect(grid.getAttribute('aria-rowcount')).toBe('3');
    expect(within(grid).getAllByRole('row').map((one) => one.getAttribute('aria-rowindex'))).toEqual(['1', '2', '3']);
  });
});

describe('a query', () => {
  it('is looked at with the keyboard, and its rules are told as text', async () => {
    answer = answering([row(2), row(1)]);
    render(Queries);
    await screen.findByText('n2.example');
    const grid = screen.getByRole('grid');
    for (const key of ['ArrowDown', 'ArrowDown', 'Enter']) await fireEvent.keyDown(grid, { key });
    expect(await screen.findByText('It is blocked.')).toBeTruthy();
    expect(screen.getByText('<b>\\u{202E}Kids')).toBeTruthy();
    expect(location.search).toBe(`?row=${20_000e10 + 1}`);
    expect(asked.some((one) => one.startsWith('GET /api/v1/explain?name=n1.example&type=A&client=192.168.1.7'))).toBe(true);
  });

  it('is allowed in the smallest way with one key; what the server has against it is said', async () => {
    answer = answering([row(1)]);
    render(Queries);
    await screen.findByText('n1.example');
    const rest = answer;
    const bodies: unknown[] = [];
    answer = (url, body) => {
      if (url.pathname !== '/api/v1/rules') return rest(url, body);
      bodies.push(body);
      return [422, { detail: 'No.' }];
    };
    const grid = screen.getByRole('grid');
    await fireEvent.keyDown(grid, { key: 'ArrowDown' });
    await fireEvent.keyDown(grid, { key: 'a' });
    await waitFor(() => expect(bodies).toEqual([{ name: 'n1.example', action: 'allow', scope: 'exact', client: '192.168.1.7', seconds: 600, comment: 'From the query log' }]));
  });

  it('offers nothing that a viewer may not do', async () => {
    session.welcome({ name: 'ada', role: 'viewer', how: 'session', csrf: 'x' } as never);
    answer = answering([row(1)]);
    render(Queries);
    await screen.findByText('n1.example');
    const grid = screen.getByRole('grid');
    for (const key of ['ArrowDown', 'a', 'b', 'm']) await fireEvent.keyDown(grid, { key });
    expect(screen.getAllByRole('menuitem')).toHaveLength(2);
    expect(asked.some((one) => one.startsWith('POST'))).toBe(false);
  });

  it('of a hidden client gives rules for everyone only', async () => {
    answer = answering([row(1, { client: '0.0.0.0' })]);
    render(Queries);
    await screen.findByText('n1.example');
    const grid = screen.getByRole('grid');
    for (const key of ['ArrowDown', 'm']) await fireEvent.keyDown(grid, { key });
    expect(screen.getAllByRole('menuitem')[0]?.textContent).toContain('for everyone');
    expect(screen.queryByText(/only for this client/)).toBeNull();
  });
});
