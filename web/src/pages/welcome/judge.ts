// Whether an answer is that of a name that is blocked.

import type { Schemas } from '$/api/client';

const BLOCKED = [15, 16, 17]; // RFC 8914: Blocked, Censored, Filtered
const NOWHERE = new Set(['0.0.0.0', '::']);

export function isBlocked(found: Pick<Schemas['Lookup'], 'reply'>): boolean {
  const reply = found.reply;
  if (!reply) return false;
  if (reply.edns?.errors.some((error) => BLOCKED.includes(error.code))) return true;
  return reply.answer.some((record) => NOWHERE.has(record.data));
}

/** Whether an upstream's address, which has a port, is this one: `9.9.9.9:53` and `[2620:fe::fe]:53`. */
export function isAt(upstream: string, address: string): boolean {
  return upstream === address || upstream.replace(/^\[(.*)\]:\d+$|:\d+$/, '$1') === address;
}
