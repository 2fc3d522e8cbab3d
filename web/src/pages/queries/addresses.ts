// Whether an address lies in a network, as the server sees it.

/** The octets of an IPv4 or IPv6 address; null for anything else. */
export function octets(text: string): number[] | null {
  if (!text.includes(':')) return fourOctets(text);
  const bare = text.split('%')[0] ?? '';
  const halves = bare.split('::');
  if (halves.length > 2) return null;
  const [head, tail] = halves.map(groups);
  if (head === null || tail === null || head === undefined) return null;
  if (tail === undefined) return head.length === 16 ? head : null;
  const missing = 16 - head.length - tail.length;
  return missing < 2 ? null : [...head, ...new Array<number>(missing).fill(0), ...tail];
}

function fourOctets(text: string): number[] | null {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return null;
  return parts.map(Number);
}

function groups(text: string): number[] | null {
  const found: number[] = [];
  const parts = text ? text.split(':') : [];
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const four = index === parts.length - 1 ? fourOctets(part) : null;
      if (four === null) return null;
      found.push(...four);
    } else if (/^[\da-f]{1,4}$/i.test(part)) {
      const value = parseInt(part, 16);
      found.push(value >> 8, value & 255);
    } else return null;
  }
  return found;
}

/** A test for addresses in a network such as `192.168.1.0/24`, or for one address; null when the text is neither. */
export function network(text: string): ((address: string) => boolean) | null {
  const slash = text.indexOf('/');
  const base = octets(slash < 0 ? text : text.slice(0, slash));
  if (base === null) return null;
  const most = base.length * 8;
  const size = slash < 0 ? String(most) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(size) || Number(size) > most) return null;
  const bits = Number(size);
  return (address) => {
    const other = octets(address);
    if (other === null || other.length !== base.length) return false;
    const full = bits >> 3;
    for (let index = 0; index < full; index += 1) if (base[index] !== other[index]) return false;
    const rest = bits & 7;
    return rest === 0 || (base[full] ?? 0) >> (8 - rest) === (other[full] ?? 0) >> (8 - rest);
  };
}
