// What is different between two states of something, a line each.

export interface Difference {
  place: string;
  before?: string;
  after?: string;
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
const DEEP = 4;

export function differences(before: unknown, after: unknown, place = '', depth = 0): Difference[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const nothing = (value: unknown) => value === null || value === undefined;
  if (depth < DEEP && (isMap(before) || nothing(before)) && (isMap(after) || nothing(after)) && (isMap(before) || isMap(after))) {
    const one = isMap(before) ? before : {};
    const other = isMap(after) ? after : {};
    const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
    return names.flatMap((name) => differences(one[name], other[name], place ? `${place} › ${name}` : name, depth + 1));
  }
  return [{ place, ...(!nothing(before) && { before: text(before) }), ...(!nothing(after) && { after: text(after) }) }];
}
