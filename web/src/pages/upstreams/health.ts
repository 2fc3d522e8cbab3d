// How an upstream is, from what is counted of it.

import type { Schemas } from '$/api/client';

export type Upstream = Schemas['Upstream'];
export type Health = 'loop' | 'down' | 'unasked' | 'unsteady' | 'well';

/** From this share of questions without a good answer on, it is worth a word. */
const UNSTEADY = 0.02;
/** Response codes that say the upstream itself could not, or would not. */
const ITS_OWN = ['SERVFAIL', 'REFUSED', 'FORMERR', 'NOTIMP'];

export function lost(upstream: Upstream): number {
  return upstream.timeouts + upstream.failures;
}

/** Replies that are no use, by their code. */
export function useless(upstream: Upstream): number {
  return ITS_OWN.reduce((sum, code) => sum + (upstream.responses[code] ?? 0), 0);
}

export function healthOf(upstream: Upstream): Health {
  if (upstream.loops) return 'loop';
  if (!upstream.healthy) return 'down';
  if (!upstream.sent) return 'unasked';
  return (lost(upstream) + useless(upstream)) / upstream.sent >= UNSTEADY ? 'unsteady' : 'well';
}

export const toneOf = (health: Health) => (health === 'well' ? 'answered' : health === 'unasked' ? 'soft' : health === 'unsteady' ? 'problem' : 'blocked');

/** Its part of all answers, from 0 to 1; null when there are none at all. */
export function shareOf(upstream: Upstream, all: readonly Upstream[]): number | null {
  const total = all.reduce((sum, one) => sum + one.answered, 0);
  return total ? upstream.answered / total : null;
}

/** Response codes, the most frequent first. */
export const codesOf = (upstream: Upstream) => Object.entries(upstream.responses).sort(([, one], [, two]) => two - one);
