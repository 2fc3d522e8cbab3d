// An answer in the form that dig has made familiar, for tickets and for those who read it faster.

import type { Schemas } from '$/api/client';

export type Found = Schemas['Lookup'];
export type Reply = Schemas['Reply'];
export type RR = Schemas['ResourceRecord'];

const OPCODES = ['QUERY', 'IQUERY', 'STATUS', 'OPCODE3', 'NOTIFY', 'UPDATE', 'DSO'];
export const SECTIONS = ['answer', 'authority', 'additional'] as const;

export const recordText = (one: RR) => `${one.name}\t${one.ttl}\t${one.rclass}\t${one.type}\t${one.data}`;

export function digText(found: Found): string {
  const lines: string[] = found.truncated ? [';; truncated over UDP, asked again over TCP'] : [];
  const { reply } = found;
  if (reply) lines.push(...replyLines(reply));
  else lines.push(`;; ${found.problem}`);
  if (found.milliseconds !== null) lines.push('', `;; Query time: ${Math.round(found.milliseconds)} msec`);
  lines.push(`;; SERVER: ${found.server}${found.transport && ` (${found.transport})`}`);
  if (found.size) lines.push(`;; MSG SIZE  rcvd: ${found.size}`);
  return lines.join('\n');
}

function replyLines(reply: Reply): string[] {
  const { edns } = reply;
  const lines = [
    `;; ->>HEADER<<- opcode: ${OPCODES[reply.opcode] ?? `OPCODE${reply.opcode}`}, status: ${reply.rcode}, id: ${reply.id}`,
    `;; flags: ${reply.flags.join(' ')}; QUERY: ${reply.question.length}, ANSWER: ${reply.answer.length}, ` +
      `AUTHORITY: ${reply.authority.length}, ADDITIONAL: ${reply.additional.length + (edns ? 1 : 0)}`,
  ];
  if (edns) {
    lines.push('', ';; OPT PSEUDOSECTION:', `; EDNS: version: ${edns.version}, flags:${edns.dnssec_ok ? ' do' : ''}; udp: ${edns.payload}`);
    lines.push(...edns.errors.map((one) => `; EDE: ${one.code} (${one.title})${one.text && `: (${one.text})`}`));
    lines.push(...edns.options.map((one) => `; ${one.name}: ${one.data}`));
  }
  lines.push('', ';; QUESTION SECTION:', ...reply.question.map((one) => `;${one.name}\t\t${one.rclass}\t${one.type}`));
  for (const section of SECTIONS) {
    if (reply[section].length) lines.push('', `;; ${section.toUpperCase()} SECTION:`, ...reply[section].map(recordText));
  }
  return lines;
}
