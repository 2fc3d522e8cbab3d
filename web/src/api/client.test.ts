import { beforeEach, describe, expect, it, vi } from 'vitest';

import { api, ask, door, Problem } from './client';

const answer = (status: number, body: unknown, type = 'application/json') =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': type } });

let fetched: ReturnType<typeof vi.fn>;

beforeEach(() => {
  fetched = vi.fn();
  vi.stubGlobal('fetch', fetched);
  door.csrf = 'the-token';
  door.again = () => Promise.reject(new Problem(401, 'Not logged in.'));
});

describe('a request', () => {
  it('that changes something carries the token against forgery, and one that reads does not', async () => {
    fetched.mockImplementation(() => Promise.resolve(answer(200, { paused: false })));
    await ask(api.GET('/api/v1/pause'));
    await ask(api.PUT('/api/v1/pause', { body: { seconds: 60 } }));
    const sent = fetched.mock.calls.map(([request]) => (request as Request).headers.get('X-CSRF-Token'));
    expect(sent).toEqual([null, 'the-token']);
  });

  it('that is refused says what, where, and what to write instead', async () => {
    const faults = [{ where: 'seconds', what: '-1 is too small', instead: 'from 1 on' }];
    fetched.mockResolvedValue(answer(400, { type: 'about:blank', detail: 'No.', problems: faults }, 'application/problem+json'));
    const problem = await ask(api.PUT('/api/v1/pause', { body: { seconds: -1 } })).catch((thrown: unknown) => thrown);
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({ status: 400, message: 'No.', faults });
  });

  it('that nobody answers is told as such', async () => {
    fetched.mockRejectedValue(new TypeError('Failed to fetch'));
    await expect(ask(api.GET('/api/v1/pause'))).rejects.toMatchObject({ status: 0, unreachable: true });
    fetched.mockRejectedValue(new DOMException('', 'TimeoutError'));
    await expect(ask(api.GET('/api/v1/pause'))).rejects.toMatchObject({ status: 0, message: 'slow' });
  });

  it('whose answer is no JSON is a problem all the same', async () => {
    fetched.mockResolvedValue(new Response('<h1>Bad gateway</h1>', { status: 502 }));
    await expect(ask(api.GET('/api/v1/pause'))).rejects.toMatchObject({ status: 502 });
  });

  it('is sent once more, with its body, after the login has been asked for again', async () => {
    const bodies: string[] = [];
    fetched.mockImplementation(async (request: Request) => {
      bodies.push(await request.clone().text());
      return bodies.length === 1 ? answer(401, { detail: 'Not logged in.' }) : answer(200, { paused: true });
    });
    door.again = () => {
      door.csrf = 'the-next-token';
      return Promise.resolve();
    };
    await expect(ask(api.PUT('/api/v1/pause', { body: { seconds: 60 } }))).resolves.toMatchObject({ paused: true });
    expect(bodies).toEqual(['{"seconds":60}', '{"seconds":60}']);
    expect((fetched.mock.calls[1]?.[0] as Request).headers.get('X-CSRF-Token')).toBe('the-next-token');
  });

  it('for a login is not answered with a login', async () => {
    door.again = vi.fn();
    fetched.mockResolvedValue(answer(401, { detail: 'Wrong name or password.' }));
    await expect(ask(api.POST('/api/v1/login', { body: { name: 'a', password: 'b' } }))).rejects.toMatchObject({ status: 401 });
    expect(door.again).not.toHaveBeenCalled();
  });
});
