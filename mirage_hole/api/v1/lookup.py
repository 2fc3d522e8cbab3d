"""One question to this server or one of its upstreams, and the answer in full: what dig would show."""

# Annotations stay live objects here (no ``from __future__ import annotations``): msgspec reads them.
from typing import Annotated, Literal, Protocol

from msgspec import Meta, Struct

from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.values import DomainName, RecordType

Hex = Annotated[str, Meta(description="Octets, two digits each.")]


class Question(Struct, kw_only=True, forbid_unknown_fields=True):
    """What to ask, and whom."""

    name: Annotated[DomainName, Meta(min_length=1, description="The name.", examples=["www.example.com"])]
    type: Annotated[RecordType, Meta(min_length=1)] = "A"
    upstream: Annotated[
        str,
        Meta(
            max_length=100,
            description="One of the upstreams, as /api/v1/upstreams has its address; empty: this server, as a client would.",
            examples=["9.9.9.9:53"],
        ),
    ] = ""
    transport: Annotated[
        Literal["udp", "tcp"], Meta(description="udp: over TCP as well, when the answer is truncated.")
    ] = "udp"
    recursion: Annotated[bool, Meta(description="RD: find it out, if need be.")] = True
    dnssec: Annotated[bool, Meta(description="DO: with signatures.")] = False
    unchecked: Annotated[bool, Meta(description="CD: without checking signatures.")] = False
    payload: Annotated[
        int,
        Meta(ge=0, le=65_535, description="EDNS: octets that are taken over UDP; 0: without EDNS, and so without DO."),
    ] = 1232


class AskedFor(Struct, kw_only=True):
    """A question as it stands in the answer."""

    name: str
    rclass: str
    type: str


class ResourceRecord(Struct, kw_only=True):
    """A record, as in zone files."""

    name: str
    ttl: int
    rclass: str
    type: str
    data: str


class ExtendedError(Struct, kw_only=True):
    """An Extended DNS Error (RFC 8914)."""

    code: int
    title: str
    text: str


class EdnsOption(Struct, kw_only=True):
    """An option of OPT."""

    name: str
    data: Hex


class Edns(Struct, kw_only=True):
    """The OPT record (RFC 6891)."""

    version: int
    dnssec_ok: bool
    payload: int
    errors: list[ExtendedError]
    options: list[EdnsOption]


class Reply(Struct, kw_only=True):
    """A message, read."""

    id: int
    opcode: int
    rcode: str
    flags: Annotated[list[str], Meta(description="qr, aa, tc, rd, ra, ad, cd, as far as set.")]
    question: list[AskedFor]
    answer: list[ResourceRecord]
    authority: list[ResourceRecord]
    additional: Annotated[list[ResourceRecord], Meta(description="Without OPT.")]
    edns: Edns | None
    trailing: Annotated[int, Meta(description="Octets behind the message's end.")]


class Lookup(Struct, kw_only=True):
    """What came of it."""

    server: Annotated[str, Meta(description="Who was asked.")]
    problem: Annotated[str, Meta(description="Why there is no answer, or it can't be read; empty: all is well.")]
    transport: Annotated[Literal["UDP", "TCP", ""], Meta(description="How the answer came; empty: there is none.")]
    truncated: Annotated[bool, Meta(description="The answer over UDP was, so this one came over TCP.")]
    milliseconds: Annotated[float | None, Meta(description="Until the answer, a second try over TCP included.")]
    size: Annotated[int, Meta(description="Octets of the answer.")]
    reply: Reply | None
    raw: Annotated[Hex, Meta(description="The answer.")]
    sent: Annotated[Hex, Meta(description="The question.")]


class Asker(Protocol):
    """Asks this server or an upstream; nobody else."""

    async def look_up(self, question: Question) -> Lookup:
        """Raises :class:`mirage_hole.api.problems.Refusal` when there is no such upstream, or too much is being asked."""


async def look_up(call: Call[None, Question]) -> Lookup:
    """Only this server and its own upstreams can be asked. The question counts as one of this machine, and is in the log; a refusal, or
    no answer at all, is an answer here.
    """
    return await needed(call.parts.lookup, "way to ask questions").look_up(call.body)


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/lookup",
        area="tools",
        role=Role.OPERATOR,
        handler=look_up,
        summary="Ask this server or an upstream",
        body=Question,
        answer=Lookup,
        problems=(404, 503),
    ),
)
