// What went wrong for one device lately, name by name.

import { kindOf } from '$/parts/Outcome.svelte';

import type { Row } from '$/app/live.svelte';

export interface Block {
  name: string;
  outcome: string;
  kind: 'blocked' | 'problem';
  times: number;
  last: number;
  by: string;
}

/** Names that were blocked or got no good answer, who came last first; those of blocks before those of failures. */
export function blocksOf(rows: readonly Row[], since: number): Block[] {
  const found = new Map<string, Block>();
  for (const row of rows) {
    const kind = kindOf(row.outcome);
    if (kind === 'answered' || row.at < since) continue;
    const key = `${kind} ${row.name}`;
    const known = found.get(key);
    const newest = !known || row.at >= known.last;
    found.set(key, {
      name: row.name,
      kind,
      times: (known?.times ?? 0) + 1,
      last: Math.max(row.at, known?.last ?? 0),
      outcome: newest ? row.outcome : known.outcome,
      by: newest ? [row.list, row.rule].filter(Boolean).join(': ') : known.by,
    });
  }
  return [...found.values()].sort((a, b) => Number(a.kind === 'problem') - Number(b.kind === 'problem') || b.last - a.last);
}

/** What rules call a client: quoted, as a name may have spaces. Null for a name that can't stand in a rule. */
export function quoted(client: string): string | null {
  return /[,|'"\\~$]/.test(client) ? null : `'${client}'`;
}
