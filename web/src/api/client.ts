// The API, typed by `schema.d.ts`, which is made from the OpenAPI document that the server serves.
//
//   const lists = await ask(api.GET('/api/v1/lists'));
//
// A refusal becomes a `Problem` that says what is wrong and what to write instead. A login that has ended is asked for again
// above the page, so nothing that was typed is lost, and the request is sent once more.

import createClient from 'openapi-fetch';

import type { components, paths } from './schema';

export type Schemas = components['schemas'];

const PATIENCE = 20_000; // milliseconds; the server itself gives up after 10 s
const CHANGES = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

export interface Fault {
  where: string;
  what: string;
  instead: string;
}

/** What the server (RFC 9457) or the way to it had against a request. */
export class Problem extends Error {
  constructor(
    /** 0: the server did not answer. */
    readonly status: number,
    message: string,
    readonly type = '',
    readonly faults: Fault[] = [],
    readonly retryAfter = 0,
  ) {
    super(message);
    this.name = 'Problem';
  }

  get unreachable(): boolean {
    return this.status === 0;
  }

  /** Somebody else changed it meanwhile. */
  get conflict(): boolean {
    return this.status === 409 || this.status === 412;
  }
}

/** What the session gives to each request, and what happens when it has ended; `session` fills it in. */
export const door = {
  csrf: '',
  /** Resolves when somebody has logged in again; rejects when that can't be. */
  again: (): Promise<void> => Promise.reject(new Problem(401, 'Not logged in.')),
};

async function send(request: Request): Promise<Response> {
  const attempt = () => {
    const copy = new Request(request.clone(), { signal: AbortSignal.any([request.signal, AbortSignal.timeout(PATIENCE)]) });
    if (CHANGES.has(request.method)) copy.headers.set('X-CSRF-Token', door.csrf);
    return fetch(copy);
  };
  const response = await attempt();
  const asksForLogin = /\/api\/v1\/(login|setup|logout|session$)/.test(new URL(request.url).pathname);
  if (response.status !== 401 || asksForLogin) return response;
  await door.again();
  return attempt();
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: send });

interface Answered<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer; throws a `Problem` when there is none. */
export async function ask<T>(request: Promise<Answered<T>>): Promise<T> {
  return (await askWhole(request)).data;
}

/** The answer with its headers, for those who need the `ETag`. */
export async function askWhole<T>(request: Promise<Answered<T>>): Promise<{ data: T; response: Response }> {
  let answer: Answered<T>;
  try {
    answer = await request;
  } catch (problem) {
    throw reason(problem);
  }
  if (answer.response.ok) return { data: answer.data as T, response: answer.response };
  throw refusal(answer.response, answer.error);
}

function reason(problem: unknown): unknown {
  if (problem instanceof Problem) return problem;
  if (problem instanceof DOMException && problem.name === 'TimeoutError') return new Problem(0, 'slow');
  if (problem instanceof DOMException && problem.name === 'AbortError') return problem;
  return problem instanceof TypeError ? new Problem(0, 'unreachable') : problem;
}

function refusal(response: Response, body: unknown): Problem {
  const said = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const faults = (Array.isArray(said['problems']) ? said['problems'] : []) as Fault[];
  const text = typeof said['detail'] === 'string' ? said['detail'] : `HTTP ${response.status}`;
  const type = typeof said['type'] === 'string' ? said['type'] : '';
  return new Problem(response.status, text, type, faults, Number(response.headers.get('Retry-After') ?? 0));
}

/** Whether this is only a request that was taken back because another has taken its place. */
export const isAborted = (problem: unknown) => problem instanceof DOMException && problem.name === 'AbortError';
