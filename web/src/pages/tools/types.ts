// Record types that people ask for; any other can be written as TYPE with its number.

export const TYPES = [
  'A', 'AAAA', 'CNAME', 'HTTPS', 'SVCB', 'MX', 'TXT', 'NS', 'SOA', 'PTR', 'SRV', 'CAA', 'NAPTR', 'DNAME', 'TLSA', 'SSHFP',
  'DS', 'DNSKEY', 'RRSIG', 'NSEC', 'NSEC3', 'NSEC3PARAM', 'CDS', 'CDNSKEY', 'OPENPGPKEY', 'URI', 'LOC', 'HINFO', 'ANY',
] as const;
