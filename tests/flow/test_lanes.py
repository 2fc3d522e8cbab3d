"""The packet cache is a memory and no second resolver: with it and without it, clients and records see the same.

Both lanes hear the same queries, answers, pauses and policies at the same times. As long as nothing is pushed out of a
cache, every reply must be the same to the octet and every query must have the same record.
"""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mirage_hole.cache.packets import GOOD_UNTIL, SUBJECT, TAIL, PacketCache
from mirage_hole.lists.rule import Reply
from mirage_hole.observe.record import UDP
from mirage_hole.policy.clients import Clients
from mirage_hole.resolver.effects import (
    AskUpstream,
    CloseStream,
    EmitRecord,
    EndStream,
    ForgetPackets,
    RememberPacket,
    SendReply,
)
from mirage_hole.resolver.events import BlockingPaused, PolicyChanged, QueryReceived, TimePassed, UpstreamReplied
from tests.flow.rich_rules import address as address_rule
from tests.flow.rich_rules import block, policy_of, rewrite, rich
from tests.make import HOME, SOA, address, an_engine, answer_to, policy, query

HOUSE = Clients([("Kid", ["10.0.0.0/8"], ["child"])])
POLICIES = (
    policy(["||ads.example^", "plain.example"], ["good.ads.example"], generation=1),
    policy(["plain.example"], generation=2),
    policy(["||example^"], ["ok.example", "||ads.example^"], generation=3),
    policy_of(
        [
            block("plain.example", Reply.DROP),
            rich("ok.example", tags=("child",), reply=Reply.NXDOMAIN),
            rich("short.example", types=(28,)),
            rewrite("ads.example", "CNAME ok.example."),
            address_rule("198.51.0.0/30", clients=("127.0.0.1",)),
        ],
        [rewrite("good.ads.example", "A 192.0.2.99"), rewrite("good.ads.example", "CNAME short.example.")],
        generation=4,
    ).with_clients(HOUSE),
    policy_of([address_rule("198.51.0.0/31", Reply.NXDOMAIN), rewrite("ads.example", "A 192.0.2.99")], generation=5),
)
NAMES = (
    "ads.example",
    "x.ads.example",
    "good.ads.example",
    "plain.example",
    "ok.example",
    "short.example",
    "none.example",
)
CLIENTS = ("127.0.0.1", "10.0.0.7", "::1", "203.0.113.9")


class Seen(NamedTuple):
    """Everything the outside can see of one lane's step."""

    replies: list[tuple[object, bytes]]
    records: list[tuple[bytes, int, float, bytes]]
    asks: list[tuple[int, bool, bytes]]
    silent: list[object]
    """Who gets no answer."""


class Lane:
    """What the edge does around an engine, with or without a packet cache, down to the order of its look-ups."""

    def __init__(self, packets: PacketCache | None) -> None:
        self.engine = an_engine(["||ads.example^", "plain.example"], ["good.ads.example"], allow_from=HOME)
        self.packets = packets
        self.replayed = 0

    def receive(self, event: QueryReceived, now: float) -> Seen:
        if self.packets is not None and event.transport == UDP:
            octets = event.wire[2:]
            table = self.packets.tables.get(event.client)
            entry = table.get(octets) if table is not None else None
            if entry is None or now >= entry[GOOD_UNTIL]:
                entry = self.packets.revive(event.client, octets, now)
            if entry is not None:
                self.replayed += 1
                reply = (event.ticket, event.wire[:2] + entry[TAIL])
                return Seen([reply], [(event.client, UDP, 0.0, entry[SUBJECT])], [], [])
        return self.tell(event, now)

    def tell(self, event: object, now: float) -> Seen:
        seen = Seen([], [], [], [])
        for effect in self.engine.handle(event, now):
            match effect:
                case SendReply(ticket, wire):
                    seen.replies.append((ticket, wire))
                case EmitRecord(client, transport, duration, subject):
                    seen.records.append((client, transport, duration, subject))
                case CloseStream(ticket) | EndStream(ticket):
                    seen.silent.append(ticket)
                case AskUpstream(_, upstream, over_tcp, wire, _):
                    seen.asks.append((upstream, over_tcp, wire))
                case RememberPacket() if self.packets is not None:
                    self.packets.put(*effect)
                case ForgetPackets() if self.packets is not None:
                    self.packets.clear()
        return seen


class Ask(NamedTuple):
    packet: bytes
    client: str
    tcp: bool


class Answer(NamedTuple):
    """The upstream answers the oldest question it has not answered."""


class Wait(NamedTuple):
    eighths: int
    """Of a second: fractions that floating point holds exactly, so that both lanes round the same."""


class Pause(NamedTuple):
    eighths: int | None


class NewPolicy(NamedTuple):
    number: int


packets = st.builds(
    query,
    st.sampled_from((*NAMES, "Ads.Example", "SHORT.example")),
    st.sampled_from(["A", "AAAA", "MX"]),
    ident=st.integers(0, 65535),
    edns=st.booleans(),
    payload=st.sampled_from([512, 1232]),
    flags=st.sampled_from(["RD", "RD AD", "RD CD"]),
)
steps = st.one_of(
    st.builds(Ask, packets, st.sampled_from(CLIENTS), st.booleans()),
    st.builds(Ask, packets, st.just("127.0.0.1"), st.just(False)),
    st.just(Answer()),
    st.builds(Wait, st.integers(0, 40)),
    st.builds(Pause, st.none() | st.integers(0, 80)),
    st.builds(NewPolicy, st.integers(0, len(POLICIES) - 1)),
)


def upstream_answer(wire: bytes, count: int) -> bytes:
    """Every answer differs, so that one which is replayed for too long is seen. Some are too large for 512 octets."""
    name = wire[13 : 13 + wire[12]]
    if name == b"none":
        return answer_to(wire, rcode="NXDOMAIN", authority=[SOA.replace(" 300", f" {count % 7}")])
    text = ".".join(("ok" if name != b"short" else "short", "example"))
    kind = int.from_bytes(wire[-15:-13], "big")
    if kind == 15:
        rows = [f"{text} {3 + n % 4} MX {count % 1000} m{n}.example." for n in range(15)]
        return answer_to(wire, *rows, additional=[f"m{n}.example {n} A 192.0.2.{n}" for n in range(15)])
    ttl = 1 if name == b"short" else 4
    network = "10.0" if count % 5 == 4 else "198.51"  # now and then an answer leads inside
    return answer_to(wire, f"{text} {ttl} A {network}.{count >> 8 & 255}.{count & 255}", ede=(0, f"{count}"))


def play(script: list[object]) -> tuple[Lane, Lane]:
    lanes = (Lane(None), Lane(PacketCache(1 << 24)))
    now, answered = 1000.0, 0
    in_flight: list[tuple[int, bool, bytes]] = []
    for number, step in enumerate(script):
        match step:
            case Ask(packet, client, tcp):
                event = QueryReceived(packet, address(client), int(tcp), number)
                seen = [lane.receive(event, now) for lane in lanes]
            case Answer() if in_flight:
                upstream, over_tcp, wire = in_flight.pop(0)
                answered += 1
                event = UpstreamReplied(upstream_answer(wire, answered), upstream, over_tcp)
                seen = [lane.tell(event, now) for lane in lanes]
            case Wait(eighths):
                now += eighths / 8
                seen = [lane.tell(TimePassed(), now) for lane in lanes]
            case Pause(eighths):
                event = BlockingPaused(None if eighths is None else now + eighths / 8)
                seen = [lane.tell(event, now) for lane in lanes]
            case NewPolicy(which):
                seen = [lane.tell(PolicyChanged(POLICIES[which]), now) for lane in lanes]
            case _:
                continue
        assert seen[0] == seen[1], step
        in_flight += seen[0].asks
    return lanes


def ask(name: str, qtype: str = "A", client: str = "127.0.0.1", **how: object) -> Ask:
    return Ask(query(name, qtype, **how), client, False)


KNOWN = [ask("ok.example"), Answer(), ask("ok.example"), Wait(8)]


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, max_size=60))
@example(
    [*KNOWN, ask("ok.example"), Wait(12), ask("ok.example"), Wait(12), ask("ok.example"), Answer(), ask("ok.example")]
)
@example(
    [
        ask("ads.example"),
        Pause(8),
        ask("ads.example"),
        Answer(),
        ask("ads.example"),
        ask("ads.example"),
        Wait(8),
        ask("ads.example"),
    ]
)
@example([*KNOWN, NewPolicy(2), ask("ok.example"), ask("ok.example"), NewPolicy(1), ask("ok.example")])
@example(
    [
        NewPolicy(3),
        *KNOWN,
        *[ask("ok.example", client=client) for client in CLIENTS * 3],
        *[ask("ads.example"), Wait(8)] * 3,
        NewPolicy(4),
        *[ask("ok.example"), Wait(8)] * 3,
        *[ask("plain.example")] * 2,
    ]
)
@example([ask("ok.example", "MX", edns=False), Answer(), *[ask("ok.example", "MX", edns=False), Wait(8)] * 5])
@example([ask("ok.example", "MX", payload=512), Answer(), *[ask("ok.example", "MX", payload=512), Wait(8)] * 5])
@example(
    [*KNOWN, ask("ok.example", client="203.0.113.9"), ask("ok.example", client="::1"), ask("ok.example", client="::1")]
)
def test_both_lanes_say_the_same(script):
    play(script)


def test_the_lane_is_taken_at_all():
    """Else the property above would prove nothing."""
    script = [ask("ads.example"), ask("ads.example"), *KNOWN, ask("ok.example"), ask("ok.example"), ask("ads.example")]
    assert play(script)[1].replayed == 4
