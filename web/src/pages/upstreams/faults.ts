// What the server has against one field of a form, and whether somebody else was faster.

import { Problem } from '$/api/client';

const isAt = (where: string, field: string) => where === field || where.startsWith(`${field}[`) || where.endsWith(`.${field}`);

export function faultAt(problem: unknown, field: string): string {
  if (!(problem instanceof Problem)) return '';
  return problem.faults
    .filter(({ where }) => isAt(where, field))
    .map(({ what, instead }) => (instead ? `${what}. → ${instead}` : what))
    .join('; ');
}

/** Whether everything that is wrong stands at one of these fields, so that nothing has to be told beside. */
export function isAllAt(problem: unknown, fields: readonly string[]): boolean {
  return problem instanceof Problem && problem.faults.length > 0 && problem.faults.every(({ where }) => fields.some((field) => isAt(where, field)));
}

/** Somebody changed it meanwhile. */
export const isStale = (problem: unknown) => problem instanceof Problem && problem.status === 412;
