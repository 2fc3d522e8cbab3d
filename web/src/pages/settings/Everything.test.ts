import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { router } from '$/app/router.svelte';
import { session } from '$/app/session.svelte';

import { draft } from './draft.svelte';
import Everything from './Everything.svelte';

const one = (path: string, type: string, value: unknown, more = {}) => ({
  path, type, value, default: value, origin: 'default', where: '', stored: null, changeable: true, why_not: '', needs_restart: false, secret: false,
  choices: [], description: '<b>bold</b>', write: 'something', ...more,
});
let settings: unknown[];
let patched: { body: unknown; match: string | null }[];
let refusals: [number, unknown][];
let tag: number;

beforeEach(() => {
  draft.clear();
  settings = [one('log.level', 'choice', 'info', { choices: ['debug', 'info'] }), one('cache.size', 'size', '16MiB'), one('web.host_names', 'list', ['evil\u202e.example']), one('web.anywhere', 'boolean', false)];
  patched = [];
  refusals = [];
  tag = 1;
  history.replaceState(null, '', '/settings');
  router.go('/settings', { replace: true });
  session.welcome({ name: 'ada', role: 'admin', how: 'session', csrf: 'x' } as never);
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) { this.open = true; };
  HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) { this.open = false; };
  vi.stubGlobal('fetch', async (request: Request) => {
    const json = (status: number, body: unknown) => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ETag: `"${tag}"` } });
    const { pathname } = new URL(request.url);
    if (pathname === '/api/v1/audit') return json(200, { changes: [], next: null });
    if (request.method === 'GET') return json(200, { settings, warnings: [] });
    patched.push({ body: await request.json(), match: request.headers.get('If-Match') });
    const refusal = refusals.shift();
    return refusal ? json(...refusal) : json(200, { changed: ['cache.size'], needs_restart: [], warnings: [] });
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const size = async () => (await screen.findByLabelText('cache.size')) as HTMLInputElement;
const type = async (text: string) => fireEvent.input(await size(), { target: { value: text } });
async function save() {
  await fireEvent.click(screen.getByRole('button', { name: 'Review and save' }));
  await fireEvent.click(screen.getByRole('button', { name: 'Save', hidden: true }));
}

it('collects changes and saves them at once, only if nobody was faster', async () => {
  render(Everything);
  await type('32MiB');
  await fireEvent.click(screen.getByLabelText('web.anywhere'));
  expect(screen.getByText('2 changes')).toBeTruthy();
  await save();
  await waitFor(() => expect(patched).toEqual([{ body: { settings: { 'cache.size': '32MiB', 'web.anywhere': true } }, match: '"1"' }]));
  await waitFor(() => expect(draft.edits).toEqual({}));
});

it('shows a problem at its field, and keeps what was typed', async () => {
  refusals = [[422, { detail: 'Nothing was changed.', problems: [{ where: 'cache.size', what: 'not a size', instead: '16MiB' }] }]];
  render(Everything);
  await type('lots');
  await save();
  await screen.findByText(/not a size/);
  expect((await size()).value).toBe('lots');
  expect((await size()).getAttribute('aria-invalid')).toBe('true');
});

it('does not write over what somebody else has changed, and lets one choose', async () => {
  render(Everything);
  await type('32MiB');
  settings[1] = one('cache.size', 'size', '64MiB');
  tag = 2;
  await save();
  await screen.findByText('Theirs');
  expect(patched).toEqual([]);
  await fireEvent.click(screen.getByRole('button', { name: /Use mine/, hidden: true }));
  await fireEvent.click(screen.getByRole('button', { name: 'Save', hidden: true }));
  await waitFor(() => expect(patched).toEqual([{ body: { settings: { 'cache.size': '32MiB' } }, match: '"2"' }]));
});

it('tries again by itself when somebody has changed only something else', async () => {
  refusals = [[412, { detail: 'It was changed by somebody else.' }]];
  render(Everything);
  await type('32MiB');
  await save();
  await waitFor(() => expect(patched).toHaveLength(2));
  await waitFor(() => expect(draft.edits).toEqual({}));
});

it('keeps what was typed when the server fails', async () => {
  refusals = [[503, { detail: 'The disk is full.' }]];
  render(Everything);
  await type('32MiB');
  await save();
  await screen.findByText('The disk is full.');
  expect((await size()).value).toBe('32MiB');
});

it('shows strange text as text', async () => {
  const { container } = render(Everything);
  await size();
  expect(container.querySelector('b')).toBeNull();
  expect(screen.getAllByText('<b>bold</b>')).toHaveLength(4);
});

it('gives those who may not change anything nothing to change', async () => {
  session.welcome({ name: 'ada', role: 'viewer', how: 'session', csrf: 'x' } as never);
  render(Everything);
  await screen.findByText('16MiB');
  expect(screen.queryAllByRole('textbox')).toEqual([]);
  expect(screen.queryAllByRole('combobox')).toEqual([]);
  expect(screen.getByText('evil\\u{202E}.example')).toBeTruthy();
});
