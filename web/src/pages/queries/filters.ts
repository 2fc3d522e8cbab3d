// What of the log is shown: the parameters of GET /api/v1/queries, which are also those of this page's address.

export interface Filters {
  name: string;
  client: string[];
  type: string[];
  outcome: string[];
  rcode: string[];
  transport: string[];
  list: string[];
  rule: string;
  upstream: string[];
  /** Seconds since the epoch; 0: no bound. */
  since: number;
  /** The first moment that is too late. */
  until: number;
}

export const MANY = ['client', 'type', 'outcome', 'rcode', 'transport', 'list', 'upstream'] as const;
export const TEXTS = ['name', 'rule'] as const;
export const TIMES = ['since', 'until'] as const;
export const FIELDS = ['name', 'outcome', 'client', 'type', 'rcode', 'list', 'rule', 'upstream', 'transport', 'since', 'until'] as const;
export type Many = (typeof MANY)[number];
export type Field = keyof Filters;

export const NOTHING: Filters = {
  name: '', client: [], type: [], outcome: [], rcode: [], transport: [], list: [], rule: '', upstream: [], since: 0, until: 0,
};

export const isMany = (field: string): field is Many => (MANY as readonly string[]).includes(field);
const isTime = (field: string): field is (typeof TIMES)[number] => (TIMES as readonly string[]).includes(field);
export const isField = (field: string): field is Field => (FIELDS as readonly string[]).includes(field);
/** These are compared as they are written; the rest knows no capitals. */
const UPPER: ReadonlySet<string> = new Set(['type', 'rcode']);
const LOWER: ReadonlySet<string> = new Set(['name', 'outcome', 'transport']);

/** A value as the server compares it. */
export function settled(field: Field, value: string): string {
  const text = value.trim();
  return UPPER.has(field) ? text.toUpperCase() : LOWER.has(field) ? text.toLowerCase() : text;
}

export function fromAddress(query: URLSearchParams): Filters {
  const found: Filters = { ...NOTHING };
  for (const field of FIELDS) {
    const text = query.get(field)?.trim() ?? '';
    if (!text) continue;
    if (isMany(field)) found[field] = [...new Set(text.split(',').map((one) => settled(field, one)).filter(Boolean))];
    else if (isTime(field)) found[field] = seconds(text);
    else found[field] = settled(field, text);
  }
  return found;
}

function seconds(text: string): number {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 && value <= 2 ** 40 ? value : 0;
}

/** Whether a filter can say it: the server reads commas as the end of a value. */
export const canFilter = (field: Field, value: string) => value !== '' && !(isMany(field) && value.includes(','));

/** The parameters, those without a value as null: for `router.set`. */
export function toAddress(filters: Filters): Record<Field, string | null> {
  return Object.fromEntries(
    FIELDS.map((field) => {
      const value = filters[field];
      const text = Array.isArray(value) ? value.join(',') : value ? String(value) : '';
      return [field, text || null];
    }),
  ) as Record<Field, string | null>;
}

/** The parameters that have a value: for requests. */
export function toParameters(filters: Filters): Record<string, string> {
  return Object.fromEntries(Object.entries(toAddress(filters)).filter((one): one is [string, string] => one[1] !== null));
}

export const isEmpty = (filters: Filters) => Object.keys(toParameters(filters)).length === 0;

export function withValue(filters: Filters, field: Field, value: string | number): Filters {
  if (isTime(field)) return { ...filters, [field]: Number(value) };
  const text = settled(field, String(value));
  if (!text) return filters;
  if (isMany(field)) return filters[field].includes(text) ? filters : { ...filters, [field]: [...filters[field], text] };
  return { ...filters, [field]: text };
}

export function without(filters: Filters, field: Field, value?: string): Filters {
  if (isMany(field) && value !== undefined) return { ...filters, [field]: filters[field].filter((one) => one !== value) };
  return { ...filters, [field]: NOTHING[field] };
}

export interface Chip {
  field: Field;
  value: string;
}

/** What narrows the search, one by one; the name stands in the field that it is typed in. */
export function chipsOf(filters: Filters): Chip[] {
  return FIELDS.filter((field) => field !== 'name').flatMap((field) => {
    const value = filters[field];
    if (Array.isArray(value)) return value.map((one) => ({ field, value: one }));
    return value ? [{ field, value: String(value) }] : [];
  });
}

/** What was typed: `type:aaaa outcome:blocked tracker` is two filters and a part of the name. */
export function typed(text: string): { name: string; chips: Chip[] } {
  const chips: Chip[] = [];
  const words: string[] = [];
  for (const word of text.trim().split(/\s+/)) {
    const colon = word.indexOf(':');
    const field = word.slice(0, Math.max(0, colon)).toLowerCase();
    const value = word.slice(colon + 1);
    if (colon > 0 && value && isMany(field)) chips.push(...value.split(',').filter(Boolean).map((one) => ({ field, value: settled(field, one) })));
    else if (colon > 0 && value && field === 'rule') chips.push({ field, value });
    else if (word) words.push(word);
  }
  return { name: words.join(' '), chips };
}
