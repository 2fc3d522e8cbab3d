"""The data of a record as text, to wire form: what ``$dnsrewrite``, policy zones and local data give as their own answers.

Presentation formats: RFC 1035 5.1 and 3.3, RFC 3596 (AAAA), RFC 2782 (SRV), RFC 9460 (HTTPS, SVCB).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.lists.presentation import BadRecord, domain, ipv4, ipv6, number16, text_data, words_of
from mirage_hole.lists.rule import Rewrite
from mirage_hole.lists.svcb import service_parameters
from mirage_hole.wire.codes import Rcode, RRType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["MAX_VALUE", "RECORD_TYPES", "BadRecord", "read_record"]

MAX_VALUE = 4096
"""Characters; no longer line of a list is read."""


def read_record(rrtype: str, value: str) -> Rewrite:
    """The answer that a record gives. ``MX``, ``10 mail.example`` -> its data in wire form, uncompressed, case folded.

    A TXT value that begins with a quotation mark is a row of strings as in zone files; any other is one string as it stands.

    Raises:
        BadRecord: no type that a rule can answer with, or no data of that type; the message says why, in a few words.
    """
    name = rrtype.upper()
    if name not in RECORD_TYPES:
        message = f"no record type that a rule can answer with; those are {', '.join(RECORD_TYPES)}"
        raise BadRecord(message)
    if len(value) > MAX_VALUE:
        message = f"record data of more than {MAX_VALUE} characters"
        raise BadRecord(message)
    if name == "TXT":
        rdata = text_data(value)
    elif name in _SERVICES:
        rdata = _service(words_of(value))
    else:
        example, fields = _FIELDS[name]
        words = words_of(value)
        if len(words) != len(fields):
            message = f"the data of {name} looks so: {example}"
            raise BadRecord(message)
        rdata = b"".join(read(word) for read, word in zip(fields, words, strict=True))
    return Rewrite(Rcode.NOERROR, RRType[name], rdata)


def _service(words: Sequence[str]) -> bytes:
    if len(words) < 2:
        raise BadRecord("the data of HTTPS and SVCB looks so: 1 . alpn=h2")  # noqa: EM101
    priority, target = number16(words[0], "priority"), domain(words[1])
    if priority == b"\0\0" and len(words) > 2:
        raise BadRecord("priority 0 makes it an alias, which has no parameters")  # noqa: EM101
    return priority + target + service_parameters(words[2:])


def _target(word: str) -> bytes:
    if word == ".":
        raise BadRecord("the root is no target")  # noqa: EM101
    return domain(word)


def _number(what: str) -> Callable[[str], bytes]:
    return lambda word: number16(word, what)


_FIELDS: dict[str, tuple[str, tuple[Callable[[str], bytes], ...]]] = {
    "A": ("192.0.2.1", (ipv4,)),
    "AAAA": ("2001:db8::1", (ipv6,)),
    "CNAME": ("name.example", (_target,)),
    "MX": ("10 mail.example", (_number("preference"), domain)),
    "PTR": ("name.example", (_target,)),
    "SRV": ("10 60 8080 server.example", (_number("priority"), _number("weight"), _number("port"), domain)),
}
_SERVICES = ("HTTPS", "SVCB")
RECORD_TYPES = (*_FIELDS, "TXT", *_SERVICES)
"""The types that a rule can answer with."""
