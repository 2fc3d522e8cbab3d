// Octets as people look at them: where they are, what they are, and what they say where that is ASCII.

export interface HexLine {
  /** Of the first octet, four digits at least. */
  offset: string;
  octets: string[];
  text: string;
}

export const WIDTH = 16;

/** Lines of sixteen; half a digit at the end, or what is no digit, ends it. */
export function hexLines(digits: string): HexLine[] {
  const octets = (/^(?:[0-9a-f]{2})*/i.exec(digits)?.[0] ?? '').match(/../g) ?? [];
  const lines: HexLine[] = [];
  for (let at = 0; at < octets.length; at += WIDTH) {
    const some = octets.slice(at, at + WIDTH);
    lines.push({ offset: at.toString(16).padStart(4, '0'), octets: some, text: some.map(letterOf).join('') });
  }
  return lines;
}

function letterOf(octet: string): string {
  const code = Number.parseInt(octet, 16);
  return code >= 0x20 && code <= 0x7e ? String.fromCharCode(code) : '.';
}

/** The same as text, as hexdump -C writes it. */
export const hexText = (digits: string) =>
  hexLines(digits)
    .map(({ offset, octets, text }) => `${offset}  ${octets.slice(0, 8).join(' ').padEnd(23)}  ${octets.slice(8).join(' ').padEnd(23)}  |${text}|`)
    .join('\n');
