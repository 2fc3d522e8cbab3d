"""What a server says of itself in class CHAOS (RFC 4892): its software and its name, as far as its owner lets it.

Empty texts are not told, as with unbound's ``hide-version`` and ``hide-identity``; BIND and dnsmasq know the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.observe.record import UDP
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.effects import EmitRecord, SendReply
from mirage_hole.resolver.endings import STREAM_LIMIT, refusal, subject
from mirage_hole.resolver.sinkhole import OWNER_IS_QUESTION
from mirage_hole.wire.codes import EdeCode, Rcode, RRClass, RRType
from mirage_hole.wire.names import from_text
from mirage_hole.wire.reply import build_reply, ede_option, udp_limit
from mirage_hole.wire.writer import HEAD

if TYPE_CHECKING:
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.engine import Engine
    from mirage_hole.resolver.pending import Case

VERSION_NAMES: Final = ("version.bind", "version.server")
IDENTITY_NAMES: Final = ("id.server", "hostname.bind")
MOST_OCTETS: Final = 255
"""Of a text: it is one character string."""

_KNOWN: Final = frozenset(from_text(name) for name in VERSION_NAMES + IDENTITY_NAMES)


def texts(version: str, identity: str) -> dict[bytes, bytes]:
    """What is said under each name; an empty text is not said. At most 255 octets of UTF-8 each."""
    named = [(name, version) for name in VERSION_NAMES] + [(name, identity) for name in IDENTITY_NAMES]
    return {from_text(name): text.encode() for name, text in named if text}


def other_class(engine: Engine, case: Case) -> list[Effect]:
    """The end of a query of any class but IN: REFUSED for all but TXT of a name that there is a text for."""
    query, asked = case.query, case.asked
    if query.qclass != RRClass.CH:
        return refusal(case, ede_option(EdeCode.NOT_SUPPORTED, "class IN only"))
    text = engine.chaos.get(query.name)
    if text is None or query.qtype != RRType.TXT:
        hidden = query.name in _KNOWN and query.qtype == RRType.TXT
        code, why = (EdeCode.PROHIBITED, "not told here") if hidden else (EdeCode.NOT_SUPPORTED, "class IN only")
        return refusal(case, ede_option(code, why))
    # RFC 4892 gives no lifetime; like BIND's, it is not to be cached, since behind one address may be many servers.
    record = OWNER_IS_QUESTION + HEAD.pack(RRType.TXT, RRClass.CH, 0, len(text) + 1) + bytes((len(text),)) + text
    limit = udp_limit(query) if asked.transport == UDP else STREAM_LIMIT
    wire = build_reply(query, Rcode.NOERROR, record, (1, 0, 0), limit=limit)
    told = subject(case, Outcome.SPECIAL, Rcode.NOERROR)
    return [SendReply(asked.ticket, wire), EmitRecord(asked.client, asked.transport, 0.0, told)]
