import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Schemas } from '$/api/client';
import { router } from '$/app/router.svelte';
import { session } from '$/app/session.svelte';
import { language } from '$/i18n/index.svelte';

import Lookup from './Lookup.svelte';

const who = (role: 'viewer' | 'operator') => session.welcome({ name: 'x', role, how: 'session', csrf: 'c', areas: [], totp: false, recovery_codes: 0 } as unknown as Schemas['SessionView']);
const sent: unknown[] = [];

function answers(status: number, body: unknown) {
  vi.stubGlobal('fetch', async (request: Request) => {
    sent.push(await request.json());
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': type } });
  });
}

beforeEach(() => {
  language.choose('en');
  sent.length = 0;
  router.go('/tools/lookup', { replace: true });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe('a question', () => {
  it('is sent as it was written', async () => {
    who('operator');
    answers(200, { server: '127.0.0.1:53', problem: 'no answer', transport: '', truncated: false, milliseconds: null, size: 0, reply: null, raw: '', sent: '00' });
    render(Lookup);
    await fireEvent.input(screen.getByLabelText('Name'), { target: { value: ' www.example.com ' } });
    await fireEvent.input(screen.getByLabelText('EDNS size'), { target: { value: '' } });
    await fireEvent.submit(screen.getByRole('button', { name: 'Ask' }));
    await screen.findByText(/No answer/);
    expect(sent).toEqual([
      { name: 'www.example.com', type: 'A', upstream: '', transport: 'udp', recursion: true, dnssec: false, unchecked: false, payload: 0 },
    ]);
  });

  it('without a name is not sent', async () => {
    who('operator');
    answers(200, {});
    render(Lookup);
    await fireEvent.submit(screen.getByRole('button', { name: 'Ask' }));
    expect(screen.getByLabelText('Name').getAttribute('aria-invalid')).toBe('true');
    expect(sent).toEqual([]);
  });

  it('that is refused has what is wrong at its field and stays as it was', async () => {
    who('operator');
    answers(400, { detail: 'type: no', problems: [{ where: 'type', what: "'<b>' is no record type", instead: 'AAAA' }] });
    const { container } = render(Lookup);
    await fireEvent.input(screen.getByLabelText('Name'), { target: { value: 'a.example' } });
    await fireEvent.input(screen.getByLabelText('Type'), { target: { value: '<b>' } });
    await fireEvent.submit(screen.getByRole('button', { name: 'Ask' }));
    await waitFor(() => expect(screen.getByLabelText('Type').getAttribute('aria-invalid')).toBe('true'));
    expect(container.querySelector('b')).toBeNull();
    expect((screen.getByLabelText('Type') as HTMLInputElement).value).toBe('<b>');
    expect((screen.getByRole('button', { name: 'Ask' }) as HTMLButtonElement).disabled).toBe(false);
  });

  it('is not offered to who may only look', () => {
    who('viewer');
    render(Lookup);
    expect(screen.queryByRole('button', { name: 'Ask' })).toBeNull();
    expect(screen.getByText(/role operator/)).toBeTruthy();
  });
});
