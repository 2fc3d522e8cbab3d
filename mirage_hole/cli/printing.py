"""A message for people, in the shape that dig made familiar, and for programs, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mirage_hole.wire.codes import Opcode, rcode_text

if TYPE_CHECKING:
    from mirage_hole.config.settled import Endpoint
    from mirage_hole.runtime.ask import Reply
    from mirage_hole.wire.reading import Edns, Message, Record


def as_text(message: Message, reply: Reply, server: Endpoint) -> str:
    """The whole message."""
    lines = [";; truncated over UDP, asked again over TCP"] if reply.truncated else []
    counts = (len(message.question), len(message.answer), len(message.authority))
    additional = len(message.additional) + (message.edns is not None)
    lines += [
        f";; opcode: {_opcode(message.opcode)}, status: {rcode_text(message.rcode)}, id: {message.id}",
        f";; flags: {' '.join(message.flags)}; QUERY: {counts[0]}, ANSWER: {counts[1]}, AUTHORITY: {counts[2]}, "
        f"ADDITIONAL: {additional}",
    ]
    if message.edns is not None:
        lines += ["", *_edns_lines(message.edns)]
    lines += ["", ";; QUESTION SECTION:", *(f";{one.name}\t\t{one.rclass}\t{one.type}" for one in message.question)]
    for title, records in (
        ("ANSWER", message.answer),
        ("AUTHORITY", message.authority),
        ("ADDITIONAL", message.additional),
    ):
        if records:
            lines += ["", f";; {title} SECTION:", *map(_record_line, records)]
    lines += [
        "",
        f";; Query time: {reply.seconds * 1000:.1f} msec",
        f";; SERVER: {server} ({reply.transport})",
        f";; MSG SIZE  rcvd: {message.size}",
    ]
    if message.trailing:
        lines.append(f";; {message.trailing} octets behind the end of the message")
    return "\n".join(lines)


def as_object(message: Message, reply: Reply, server: Endpoint) -> dict[str, Any]:
    """The same, for JSON."""
    edns = message.edns
    return {
        "server": str(server),
        "transport": reply.transport.lower(),
        "truncated": reply.truncated,
        "milliseconds": round(reply.seconds * 1000, 3),
        "size": message.size,
        "id": message.id,
        "opcode": _opcode(message.opcode),
        "status": rcode_text(message.rcode),
        "flags": list(message.flags),
        "question": [{"name": one.name, "class": one.rclass, "type": one.type} for one in message.question],
        "answer": [_record_object(one) for one in message.answer],
        "authority": [_record_object(one) for one in message.authority],
        "additional": [_record_object(one) for one in message.additional],
        "edns": edns
        and {
            "version": edns.version,
            "dnssec_ok": edns.dnssec_ok,
            "payload": edns.payload,
            "errors": [{"code": one.code, "title": one.title, "text": one.text} for one in edns.errors],
            "options": dict(edns.options),
        },
    }


def _opcode(number: int) -> str:
    try:
        return Opcode(number).name
    except ValueError:
        return f"OPCODE{number}"


def _edns_lines(edns: Edns) -> list[str]:
    flags = " do" if edns.dnssec_ok else ""
    lines = [";; OPT PSEUDOSECTION:", f"; EDNS: version: {edns.version}, flags:{flags}; udp: {edns.payload}"]
    lines += [f"; EDE: {one.code} ({one.title})" + (f": {one.text}" if one.text else "") for one in edns.errors]
    return lines + [f"; {name}: {value}" for name, value in edns.options]


def _record_line(record: Record) -> str:
    return f"{record.name}\t{record.ttl}\t{record.rclass}\t{record.type}\t{record.data}"


def _record_object(record: Record) -> dict[str, Any]:
    return {
        "name": record.name,
        "ttl": record.ttl,
        "class": record.rclass,
        "type": record.type,
        "data": record.data,
    }
