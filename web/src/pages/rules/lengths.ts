// How long a rule counts.

export const LENGTHS = ['ever', 'ten', 'hour', 'tonight', 'week'] as const;
export type Length = (typeof LENGTHS)[number];

/** Seconds from `now` (milliseconds); null: for good. Tonight is the next midnight here, at least an hour away. */
export function secondsOf(length: Length, now = Date.now()): number | null {
  if (length === 'ever') return null;
  if (length !== 'tonight') return { ten: 600, hour: 3600, week: 604_800 }[length];
  const midnight = new Date(now);
  midnight.setHours(24, 0, 0, 0);
  if (midnight.getTime() - now < 3_600_000) midnight.setDate(midnight.getDate() + 1);
  return Math.round((midnight.getTime() - now) / 1000);
}

/** The rules of a text: lines without comments and without repetitions. */
export function rulesOf(text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  return [...new Set(lines.filter((line) => line !== '' && !/^[!#]/.test(line) && !/^\[.*\]$/.test(line)))];
}
