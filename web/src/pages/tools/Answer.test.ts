import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { language } from '$/i18n/index.svelte';

import Answer from './Answer.svelte';
import type { Found, Reply } from './dig';

const HOSTILE = '<img src=x onerror=alert(1)>\u202Egpj.exe\u0000';
const reply: Reply = {
  id: 1, opcode: 0, rcode: 'NOERROR', flags: ['qr', 'tc', 'strange'], question: [], authority: [], additional: [], trailing: 3,
  answer: [{ name: 'xn--80ak6aa92e.com.', ttl: 4_294_967_295, rclass: 'CH', type: 'TXT', data: HOSTILE }],
  edns: { version: 0, dnssec_ok: false, payload: 512, errors: [{ code: 17, title: 'Filtered', text: HOSTILE }], options: [] },
};
const found: Found = { server: '[::1]:53', problem: '', transport: 'TCP', truncated: true, milliseconds: 2, size: 4, reply, raw: '00014142', sent: '0002' };

beforeEach(() => language.choose('en'));
afterEach(cleanup);

describe('an answer', () => {
  it('is text, whatever strangers wrote into it', () => {
    const { container } = render(Answer, { found });
    expect(container.querySelector('img')).toBeNull();
    expect(container.textContent).toContain('<img src=x onerror=alert(1)>\\u{202E}gpj.exe\\u{0}');
    expect(container.textContent).not.toMatch(/[\u202E\u0000]/);
    expect(container.textContent).toContain('characters that can be taken for others');
  });

  it('says how it came, why, and what is strange about it', () => {
    const { container } = render(Answer, { found });
    expect(container.textContent).toContain('truncated over UDP');
    expect(container.textContent).toContain('Filtered (EDE 17)');
    expect(container.textContent).toContain('3 octets follow the end');
  });

  it('is shown as dig and octet by octet', async () => {
    const { container } = render(Answer, { found });
    await fireEvent.click(screen.getByLabelText('As dig', { selector: 'input' }));
    expect(container.querySelector('pre')?.textContent).toContain('ANSWER: 1');
    expect(container.querySelector('pre')?.textContent).not.toMatch(/[\u202E\u0000]/);
    await fireEvent.click(screen.getByLabelText('Octets', { selector: 'input' }));
    expect(screen.getByRole('region', { name: 'Received' }).textContent).toContain('..AB');
  });

  it('that never came says so', () => {
    const { container } = render(Answer, { found: { ...found, reply: null, raw: '', size: 0, problem: 'no answer in 6 s' } });
    expect(container.textContent).toContain('No answer: no answer in 6 s');
    expect(screen.queryByRole('region', { name: 'Received' })).toBeNull();
  });
});
