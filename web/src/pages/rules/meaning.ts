// What a rule means, in words.

import type { Schemas } from '$/api/client';
import * as format from '$/i18n/format';

import { w } from './words';

/** Such as "Blocks ads.example and all below, for Kids"; of a text that is no rule what is wrong with it. */
export function meaningOf(rule: Schemas['TriedRule']): string {
  if (rule.problem) return rule.problem;
  const m = w().meanings;
  const action = rule.action === 'allow' ? m.allow : rule.action === 'rewrite' ? m.rewrite : m.block;
  const what = rule.target === 'name' ? `${rule.subject} (${m[rule.scope || 'exact']})` : `${m[rule.target as 'pattern' | 'regex' | 'address'] ?? ''} ${rule.subject}`;
  const more = [
    ...(rule.types.length ? [m.types(format.list(rule.types))] : []),
    ...(rule.clients.length ? [m.for(format.list(rule.clients))] : []),
  ];
  return [`${action} ${what}`, ...more].join(', ');
}
