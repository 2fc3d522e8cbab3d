// Public resolvers that many know, by addresses that their makers publish. None is asked unless somebody chooses it.

export interface Known {
  name: string;
  addresses: readonly string[];
  /** A key of the words: what sets it apart. */
  about: 'plain' | 'malware' | 'europe' | 'family';
}

export const KNOWN: readonly Known[] = [
  { name: 'Quad9', addresses: ['9.9.9.9', '149.112.112.112', '2620:fe::fe', '2620:fe::9'], about: 'malware' },
  { name: 'Quad9 (unfiltered)', addresses: ['9.9.9.10', '149.112.112.10', '2620:fe::10', '2620:fe::fe:10'], about: 'plain' },
  { name: 'Cloudflare', addresses: ['1.1.1.1', '1.0.0.1', '2606:4700:4700::1111', '2606:4700:4700::1001'], about: 'plain' },
  { name: 'Cloudflare for Families', addresses: ['1.1.1.3', '1.0.0.3', '2606:4700:4700::1113', '2606:4700:4700::1003'], about: 'family' },
  { name: 'Google', addresses: ['8.8.8.8', '8.8.4.4', '2001:4860:4860::8888', '2001:4860:4860::8844'], about: 'plain' },
  { name: 'OpenDNS', addresses: ['208.67.222.222', '208.67.220.220', '2620:119:35::35', '2620:119:53::53'], about: 'malware' },
  { name: 'DNS4EU (unfiltered)', addresses: ['86.54.11.100', '86.54.11.200', '2a13:1001::86:54:11:100', '2a13:1001::86:54:11:200'], about: 'europe' },
];

export const STRATEGIES = ['fastest', 'weighted', 'parallel', 'strict', 'hedged'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** What was written, one a line or separated by commas or spaces. */
export const linesOf = (text: string) => text.split(/[\s,;]+/u).filter(Boolean);

/** The text with these addresses at its end; those that it has already are not added again. */
export function withAddresses(text: string, addresses: readonly string[]): string {
  const has = linesOf(text);
  return [...has, ...addresses.filter((one) => !has.includes(one))].join('\n');
}
