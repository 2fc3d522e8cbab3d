"""Builders for tests: an engine, what clients ask, what upstreams answer, and the conversation between them.

Packets are made and read with dnspython, so that a misunderstanding in ``wire/`` can't hide behind itself.
"""

from __future__ import annotations

import itertools
import random
import socket
from typing import TYPE_CHECKING, NamedTuple

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from mirage_hole.cache.answers import AnswerCache
from mirage_hole.observe.record import TCP, UDP, Subject, decode_subject
from mirage_hole.policy.access import Access
from mirage_hole.resolver.effects import (
    AskUpstream,
    CloseStream,
    EmitRecord,
    EndStream,
    ForgetPackets,
    RememberPacket,
    SendReply,
)
from mirage_hole.resolver.engine import Engine
from mirage_hole.resolver.events import QueryReceived, TimePassed, UpstreamReplied, UpstreamUnreachable
from mirage_hole.resolver.pending import TICK
from mirage_hole.resolver.sinkhole import Sinkhole
from mirage_hole.upstream.health import Upstream
from mirage_hole.upstream.routes import Routes
from mirage_hole.wire.names import from_text
from tests.policy.rules import a_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mirage_hole.dnssec.anchors import Trust
    from mirage_hole.policy.policy import Policy
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.events import Event
    from mirage_hole.upstream.groups import Group

HOME = ("127.0.0.0/8", "10.0.0.0/8", "::1/128")
TRANSPORTS = {"udp": UDP, "tcp": TCP}
SOA = "example.com. 900 SOA ns.example.com. host.example.com. 7 3600 600 86400 300"


def dice(seed: int = 1) -> Callable[[], int]:
    """Random 16-bit numbers that are the same in every run."""
    generator = random.Random(seed)
    return lambda: generator.getrandbits(16)


def policy(blocks: Sequence[str] = (), allows: Sequence[str] = (), generation: int = 1) -> Policy:
    """List 0 blocks, list 1 allows; ``||x^`` is a subtree and ``x`` a name alone."""
    return a_policy(
        list(blocks), [f"@@{text}" if "|" in text else f"@@|{text}^" for text in allows], generation=generation
    )


def an_upstream(number: int, rtt: float = 0.0) -> Upstream:
    """The upstream 192.0.2.1:53, 192.0.2.2:53 and so on; ``rtt`` in seconds, 0 for one that was never asked."""
    upstream = Upstream(number, f"192.0.2.{number + 1}", 53)
    if rtt:
        upstream.sent = 1
        upstream.answered_in(rtt)
    return upstream


def an_engine(
    blocks: Sequence[str] = (),
    allows: Sequence[str] = (),
    *,
    upstreams: int = 1,
    mode: str = "null",
    ttl: int = 10,
    ipv4: str = "",
    ipv6: str = "",
    allow_from: Iterable[str] = HOME,
    cache: int = 1 << 22,
    timeout: float = 5.0,
    max_in_flight: int = 10_000,
    seed: int = 1,
    rules: Policy | None = None,
    dnssec: Trust | None = None,
    groups: Sequence[Group] = (),
    routes: Mapping[str, int] | None = None,
    unqualified: int | None = None,
) -> Engine:
    """An engine whose upstreams are 192.0.2.1:53, 192.0.2.2:53 and so on. ``rules`` instead of blocks and allows.

    ``dnssec``: what the answers of the first group are validated by. ``groups``, when there are any, have all upstreams;
    ``routes``: domains to numbers of groups.
    """
    everybody = {one.number: one for group in groups for one in group.upstreams}
    engine = Engine(
        policy=policy(blocks, allows) if rules is None else rules,
        access=Access(allow_from),
        sinkhole=Sinkhole(mode, ttl, ipv4, ipv6),
        cache=AnswerCache(cache),
        upstreams=[everybody.get(number) or an_upstream(number) for number in range(len(everybody) or upstreams)],
        groups=groups,
        routes=Routes({from_text(domain): number for domain, number in (routes or {}).items()}, unqualified),
        dice=dice(seed),
        timeout=timeout,
        max_in_flight=max_in_flight,
    )
    if dnssec is not None:
        engine.groups[0].dnssec = True
        engine.validate(dnssec)
    return engine


def query(
    name: str,
    qtype: str | int = "A",
    *,
    ident: int | None = None,
    edns: bool = True,
    payload: int = 1232,
    dnssec: bool = False,
    flags: str = "RD",
    qclass: str = "IN",
    options: Sequence[dns.edns.Option] = (),
) -> bytes:
    """A query as a client sends it. ``flags`` as in ``RD AD CD``."""
    message = dns.message.make_query(
        name,
        qtype,
        dns.rdataclass.from_text(qclass),
        use_edns=0 if edns else None,
        want_dnssec=dnssec,
        payload=payload if edns else None,
        options=list(options) or None,
        id=ident,
        flags=dns.flags.from_text(flags),
    )
    return message.to_wire()


def asked(
    name: str,
    qtype: str | int = "A",
    *,
    client: str = "127.0.0.1",
    transport: str = "udp",
    ticket: object = None,
    **how: object,
) -> QueryReceived:
    """The event of such a query's arrival; ``how`` goes to :func:`query`."""
    return QueryReceived(query(name, qtype, **how), address(client), TRANSPORTS[transport], ticket)


def address(text: str) -> bytes:
    """Address octets."""
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def answer_to(
    wire: bytes,
    *records: str,
    authority: Sequence[str] = (),
    additional: Sequence[str] = (),
    rcode: str = "NOERROR",
    flags: str = "QR RD RA",
    edns: bool = True,
    ede: tuple[int, str] | None = None,
    ident: int | None = None,
    question: str | None = None,
) -> bytes:
    """What an upstream answers to the query ``wire``. Records as in a zone file: ``name ttl type data``."""
    asking = dns.message.from_wire(wire)
    message = dns.message.make_response(asking)
    message.flags = dns.flags.from_text(flags)
    message.use_edns(0 if edns else False, options=[dns.edns.EDEOption(*ede)] if ede else None, payload=1232)
    message.set_rcode(dns.rcode.from_text(rcode))
    if ident is not None:
        message.id = ident
    if question is not None:
        message.question = dns.message.make_query(question, asking.question[0].rdtype).question
    message.answer = [_rrset(text) for text in records]
    message.authority = [_rrset(text) for text in authority]
    message.additional = [_rrset(text) for text in additional]
    return message.to_wire(max_size=65535)


def _rrset(text: str) -> dns.rrset.RRset:
    name, ttl, kind, data = text.split(" ", 3)
    return dns.rrset.from_text(name if name.endswith(".") else name + ".", int(ttl), "IN", kind, data)


class Told(NamedTuple):
    """A record, read."""

    client: bytes
    transport: int
    duration: float
    subject: Subject


class Said(NamedTuple):
    """What the engine said to one event or to several."""

    effects: list[Effect]

    def of(self, kind: type) -> list:
        return [effect for effect in self.effects if type(effect) is kind]

    @property
    def replies(self) -> list[dns.message.Message]:
        return [dns.message.from_wire(effect.wire) for effect in self.of(SendReply)]

    @property
    def reply(self) -> dns.message.Message:
        """The only one."""
        (reply,) = self.replies
        return reply

    @property
    def wire(self) -> bytes:
        """The only reply, as it goes out."""
        (effect,) = self.of(SendReply)
        return effect.wire

    @property
    def asks(self) -> list[AskUpstream]:
        return self.of(AskUpstream)

    @property
    def ask(self) -> AskUpstream:
        """The only one."""
        (ask,) = self.asks
        return ask

    @property
    def records(self) -> list[Told]:
        return [
            Told(record.client, record.transport, record.duration, decode_subject(record.subject))
            for record in self.of(EmitRecord)
        ]

    @property
    def record(self) -> Told:
        """The only one."""
        (record,) = self.records
        return record

    @property
    def tickets(self) -> list[object]:
        """Whom the replies are for."""
        return [effect.ticket for effect in self.of(SendReply)]

    @property
    def remembered(self) -> list[RememberPacket]:
        return self.of(RememberPacket)

    @property
    def forgot(self) -> bool:
        return bool(self.of(ForgetPackets))

    @property
    def silent(self) -> bool:
        """Nothing was sent to anybody."""
        return not self.of(SendReply) and not self.asks

    @property
    def closed(self) -> list[object]:
        """Tickets that get no reply."""
        return [effect.ticket for effect in self.of(CloseStream)]

    @property
    def ended(self) -> list[object]:
        """Tickets that get no reply and end their stream."""
        return [effect.ticket for effect in self.of(EndStream)]


class Conversation:
    """An engine, a clock, and short words for what happens."""

    def __init__(self, engine: Engine | None = None, **how: object) -> None:
        """``how`` goes to :func:`an_engine`."""
        self.engine = engine or an_engine(**how)
        self.now = 1000.0
        self._tickets = itertools.count(1)

    def tell(self, *events: Event) -> Said:
        return Said([effect for event in events for effect in self.engine.handle(event, self.now)])

    def ask(self, name: str, qtype: str | int = "A", **how: object) -> Said:
        how.setdefault("ticket", next(self._tickets))
        return self.tell(asked(name, qtype, **how))

    def send(self, wire: bytes, client: str = "127.0.0.1", transport: str = "udp") -> Said:
        """A packet as it is."""
        return self.tell(QueryReceived(wire, address(client), TRANSPORTS[transport], next(self._tickets)))

    def answer(self, ask: AskUpstream, *records: str, **how: object) -> Said:
        """The upstream that was asked answers; ``how`` goes to :func:`answer_to`."""
        return self.come(answer_to(ask.wire, *records, **how), ask)

    def come(self, wire: bytes, ask: AskUpstream, *, upstream: int | None = None, over_tcp: bool | None = None) -> Said:
        """A message comes from where ``ask`` went, unless it is told otherwise."""
        number = ask.upstream if upstream is None else upstream
        return self.tell(UpstreamReplied(wire, number, ask.over_tcp if over_tcp is None else over_tcp))

    def refuse(self, ask: AskUpstream, reason: str = "connection refused") -> Said:
        """The network says that the upstream is not there."""
        return self.tell(UpstreamUnreachable(ask.upstream, ask.ident, reason))

    def wait(self, seconds: float) -> Said:
        """Time passes, and the engine is told so as often as the edge would."""
        effects: list[Effect] = []
        end = self.now + seconds
        while self.engine.needs_time and self.now < end:
            self.now = min(self.now + TICK, end)
            effects += self.engine.handle(TimePassed(), self.now)
        self.now = end
        return Said(effects)

    def learn(self, name: str, *records: str, qtype: str = "A", **how: object) -> Said:
        """Ask for a name and let the upstream answer."""
        return self.answer(self.ask(name, qtype).ask, *records, **how)


def ede(message: dns.message.Message) -> list[tuple[int, str]]:
    """The Extended DNS Errors of a message: code and text."""
    return [
        (int(option.code), option.text or "") for option in message.options if isinstance(option, dns.edns.EDEOption)
    ]


def texts(section: list[dns.rrset.RRset]) -> list[str]:
    """A section as ``name ttl type data``, one a record."""
    return [
        f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}"
        for rrset in section
        for rdata in rrset
    ]


def assert_at_rest(engine: Engine) -> None:
    """Nothing waits, and nothing that waited is still held."""
    assert engine.in_flight == 0
    assert not engine.questions
    assert engine.waiting == 0
    assert not engine.exchanges
    assert not engine.timers
