import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Schemas } from '$/api/client';
import { session } from '$/app/session.svelte';
import { language } from '$/i18n/index.svelte';

import UpstreamStep from './UpstreamStep.svelte';

const who = (role: 'viewer' | 'operator' | 'admin') => session.welcome({ name: 'x', role, how: 'session', csrf: 'c', areas: [], totp: false, recovery_codes: 0 } as unknown as Schemas['SessionView']);

let stored: string[] | null;
let late: number; // looks at the upstreams until new ones are there
let done: string[];

const inUse = () => (stored && late-- <= 0 ? stored.map((one) => (one.includes(':') ? `[${one}]:53` : `${one}:53`)) : ['192.168.1.1:53']);

beforeEach(() => {
  language.choose('en');
  stored = null;
  late = 0;
  done = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    const { pathname } = new URL(request.url);
    let said: unknown;
    if (request.method === 'PATCH') {
      stored = ((await request.json()) as { settings: Record<string, string[] | null> }).settings['upstream.servers'] ?? null;
      done.push(`store ${stored?.[0] ?? 'nothing'}`);
      said = { changed: [], needs_restart: [], warnings: [] };
    } else if (request.method === 'POST') {
      done.push('test');
      said = { server: 'x', ok: false, steps: [{ what: 'UDP', ok: false, said: 'no answer', milliseconds: null }] };
    } else if (pathname.startsWith('/api/v1/settings')) {
      said = { value: stored ?? [], stored, changeable: true, why_not: '' };
    } else {
      const all = inUse();
      done.push(`look ${all[0]}`);
      said = { upstreams: all.map((address) => ({ address })) };
    }
    return new Response(JSON.stringify(said), { headers: { 'Content-Type': 'application/json' } });
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

describe('another upstream', () => {
  it('is tested when it is in use, not before, and can be taken back', async () => {
    who('admin');
    render(UpstreamStep);
    const choice = await screen.findByRole('button', { name: 'Use Quad9' });
    late = 3;
    done.length = 0;
    await fireEvent.click(choice);
    await waitFor(() => expect(screen.getAllByText(/It does not answer well/)).toHaveLength(4), { timeout: 8000 });
    expect(done[0]).toBe('store 9.9.9.9');
    const tested = done.indexOf('test');
    expect(done.slice(0, tested)).toContain('look 192.168.1.1:53');
    expect(done[tested - 1]).toBe('look 9.9.9.9:53');
    await fireEvent.click(screen.getByRole('button', { name: 'Back to the ones before' }));
    await waitFor(() => expect(done).toContain('store nothing'));
    await waitFor(() => expect(screen.queryByRole('button', { name: 'Back to the ones before' })).toBeNull());
  });

  it('is not offered to who may not choose it', async () => {
    who('viewer');
    render(UpstreamStep);
    await screen.findByText('Your role can look at this, but not do it.');
    await waitFor(() => expect(done.length).toBeGreaterThan(0));
    expect(screen.queryAllByRole('button')).toEqual([]);
  });
});
