"""Whole messages, made and read with dnslib: for the few questions this program asks for itself, and for people.

Never on a query's way: dnslib takes quadratic time on chained compression pointers and leaks four kinds of exception, so
every message is bounded here before it and everything it raises becomes :class:`BadMessage`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import dnslib
from dnslib.bimap import BimapError
from dnslib.buffer import BufferError as DNSBufferError
from dnslib.label import DNSLabelError

from mirage_hole.wire.codes import RRClass, RRType
from mirage_hole.wire.names import from_text, labels_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MESSAGE: Final = 4096
"""Octets. dnslib's worst case at this size was measured at 0.2 s; a longer message is not shown to it."""

EDNS_PAYLOAD: Final = 1232
"""Octets, the DNS flag day 2020 value: no fragment on any common path."""

# What dnslib was seen to raise on 20,000 mutated packets, and what its own code can raise besides.
_LEAKS: Final = (
    dnslib.DNSError,
    DNSLabelError,
    DNSBufferError,
    BimapError,
    UnicodeDecodeError,
    IndexError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    struct.error,
)


class BadMessage(ValueError):  # noqa: N818 - reads as what it is at the raise
    """The octets are no DNS message that can be read in full; the message says why."""


def make_query(
    name: str | bytes,
    qtype: int = RRType.A,
    ident: int = 0,
    *,
    qclass: int = RRClass.IN,
    recursion: bool = True,
    edns: bool = True,
    dnssec: bool = False,
) -> bytes:
    """A query with one question.

    Args:
        name: text, or the wire form with the root octet.
        qtype: record type.
        ident: 16-bit message ID. The caller picks it at random: this module rolls no dice.
        qclass: record class.
        recursion: set RD.
        edns: add an OPT record that offers 1232 octets.
        dnssec: set DO (implies ``edns``).

    Raises:
        BadName: ``name`` is no domain name.
    """
    wire = from_text(name) if isinstance(name, str) else name
    labels = [wire[at + 1 : at + 1 + wire[at]] for at in labels_of(wire)]
    header = dnslib.DNSHeader(id=ident & 0xFFFF, rd=int(recursion), ra=0, qr=0)
    question = dnslib.DNSQuestion(dnslib.DNSLabel(labels), qtype, qclass)
    record = dnslib.DNSRecord(header, q=question)
    if edns or dnssec:
        record.add_ar(dnslib.EDNS0(flags="do" if dnssec else "", udp_len=EDNS_PAYLOAD))
    return bytes(record.pack())


def read_message(data: bytes) -> Any:
    """A whole message as a ``dnslib.DNSRecord`` (dnslib carries no types).

    Raises:
        BadMessage: longer than 4096 octets, or not readable to the end.
    """
    if len(data) > MAX_MESSAGE:
        message = f"{len(data)} octets; {MAX_MESSAGE} is the limit"
        raise BadMessage(message)
    try:
        return dnslib.DNSRecord.parse(data)
    except _LEAKS as problem:
        message = f"not readable: {problem}"
        raise BadMessage(message) from None


def addresses_in(reply: bytes) -> list[str]:
    """The A and AAAA addresses with which a reply answers its question, in order, CNAME records followed.

    Records of any other owner are ignored: nobody asked for them.

    Raises:
        BadMessage: see :func:`read_message`; also when the reply holds not exactly one question.
    """
    record = read_message(reply)
    if len(record.questions) != 1:
        message = f"{len(record.questions)} questions instead of one"
        raise BadMessage(message)
    owners = {_owner(record.questions[0].qname)}
    found: list[str] = []
    for owner, kind, data in _answers(record):
        if owner not in owners:
            continue
        if kind == RRType.CNAME:
            # Servers put a chain in order (RFC 1034 4.3.2), so one pass follows it.
            owners.add(_owner(data.label))
        elif str(data) not in found:
            found.append(str(data))
    return found


def _answers(record: Any) -> Iterator[tuple[tuple[bytes, ...], int, Any]]:
    for answer in record.rr:
        if answer.rclass == RRClass.IN and answer.rtype in (RRType.A, RRType.AAAA, RRType.CNAME):
            yield _owner(answer.rname), answer.rtype, answer.rdata


def _owner(label: Any) -> tuple[bytes, ...]:
    return tuple(part.lower() for part in label.label)
