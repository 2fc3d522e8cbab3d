// Lines of a hosts file to records.

export interface Pasted {
  name: string;
  type: 'A' | 'AAAA';
  value: string;
}

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;
const IPV6 = /^[0-9a-f:]+(?:\d+\.\d+\.\d+\.\d+)?$/i;

/** Records, without repetitions, and the numbers of lines that are none. */
export function pasted(text: string): { records: Pasted[]; bad: number[] } {
  const records = new Map<string, Pasted>();
  const bad: number[] = [];
  text.split(/\r?\n/).forEach((line, index) => {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/).filter(Boolean);
    if (address === undefined) return;
    const type = IPV4.test(address) ? 'A' : address.includes(':') && IPV6.test(address) ? 'AAAA' : null;
    if (!type || !names.length) {
      bad.push(index + 1);
      return;
    }
    for (const name of names) records.set(`${name.toLowerCase()} ${address}`, { name, type, value: address });
  });
  return { records: [...records.values()], bad };
}
