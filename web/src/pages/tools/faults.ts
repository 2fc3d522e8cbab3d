// What the server has against one field of a form.

import { Problem } from '$/api/client';

export function faultAt(problem: unknown, field: string): string {
  if (!(problem instanceof Problem)) return '';
  const found = problem.faults.filter(({ where }) => where === field || where.startsWith(`${field}[`) || where.endsWith(`.${field}`));
  return found.map(({ what, instead }) => (instead ? `${what}. → ${instead}` : what)).join('; ');
}
