"""Asks this server or one of its upstreams what somebody wants to know, for the API: nobody else, and a few questions at a time."""

from __future__ import annotations

import asyncio
import os
import struct
from typing import TYPE_CHECKING, Final

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1 import lookup as shapes
from mirage_hole.runtime.ask import NoReply, ask, local_endpoint
from mirage_hole.runtime.forwarding import forwarding
from mirage_hole.wire.codes import CD, EDNS_DO, RD, RRClass, RRType, rcode_text, type_number
from mirage_hole.wire.message import BadMessage
from mirage_hole.wire.names import from_text
from mirage_hole.wire.reading import read_in_full

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mirage_hole.config.settled import Endpoint, Settled
    from mirage_hole.wire.reading import Message, Record

TIMEOUT: Final = 6.0
"""Seconds for an answer: longer than a worker waits for its upstreams unless it was told otherwise."""
AT_ONCE: Final = 4


class Lookups:
    """See :class:`mirage_hole.api.v1.lookup.Asker`."""

    def __init__(self, settled: Callable[[], Settled], listen: Callable[[], Sequence[Endpoint]]) -> None:
        """``settled``: the settings as they are, with the addresses of upstreams; ``listen``: where this server answers."""
        self._settled = settled
        self._listen = listen
        self._running = 0

    async def look_up(self, question: shapes.Question) -> shapes.Lookup:
        """Ask it.

        Raises:
            Refusal: 404: there is no such upstream; 503: others are asking.
        """
        server = self._server(question.upstream)
        if self._running >= AT_ONCE:
            raise Refusal(503, "Other questions are being asked.", headers={"Retry-After": "2"})
        self._running += 1
        try:
            return await asyncio.to_thread(_asked, server, query_of(question), question.transport == "tcp")
        finally:
            self._running -= 1

    def _server(self, upstream: str) -> Endpoint:
        if not upstream:
            return local_endpoint(self._listen())
        known = forwarding(self._settled()).upstreams
        for one in known:
            if str(one) == upstream:
                return one
        fault = Fault("upstream", "is none of the upstreams", ", ".join(map(str, known)) or "nothing: there is none")
        raise Refusal(404, "Only this server and its own upstreams can be asked.", [fault])


def query_of(question: shapes.Question) -> bytes:
    """The message that asks it, with a random ID."""
    flags = (RD if question.recursion else 0) | (CD if question.unchecked else 0)
    ident = int.from_bytes(os.urandom(2), "big")
    header = struct.pack(">HHHHHH", ident, flags, 1, 0, 0, 1 if question.payload else 0)
    asked = from_text(question.name) + struct.pack(">HH", type_number(question.type), RRClass.IN)
    if not question.payload:
        return header + asked
    edns = struct.pack(">BHHIH", 0, RRType.OPT, question.payload, EDNS_DO if question.dnssec else 0, 0)
    return header + asked + edns


def _asked(server: Endpoint, query: bytes, tcp: bool) -> shapes.Lookup:
    found = shapes.Lookup(
        server=str(server),
        problem="",
        transport="",
        truncated=False,
        milliseconds=None,
        size=0,
        reply=None,
        raw="",
        sent=query.hex(),
    )
    try:
        reply = ask(server, query, TIMEOUT, tcp=tcp)
    except NoReply as problem:
        found.problem = str(problem)
        return found
    found.transport = "TCP" if reply.transport == "TCP" else "UDP"
    found.truncated = reply.truncated
    found.milliseconds = round(reply.seconds * 1000, 3)
    found.size = len(reply.data)
    found.raw = reply.data.hex()
    try:
        found.reply = _read(read_in_full(reply.data))
    except BadMessage as problem:
        found.problem = f"the answer is no readable message: {problem}"
    return found


def _read(message: Message) -> shapes.Reply:
    edns = message.edns
    return shapes.Reply(
        id=message.id,
        opcode=message.opcode,
        rcode=rcode_text(message.rcode),
        flags=list(message.flags),
        question=[shapes.AskedFor(**one._asdict()) for one in message.question],
        answer=_records(message.answer),
        authority=_records(message.authority),
        additional=_records(message.additional),
        edns=edns
        and shapes.Edns(
            version=edns.version,
            dnssec_ok=edns.dnssec_ok,
            payload=edns.payload,
            errors=[shapes.ExtendedError(**one._asdict()) for one in edns.errors],
            options=[shapes.EdnsOption(name=name, data=data) for name, data in edns.options],
        ),
        trailing=message.trailing,
    )


def _records(records: Iterable[Record]) -> list[shapes.ResourceRecord]:
    return [shapes.ResourceRecord(**one._asdict()) for one in records]
