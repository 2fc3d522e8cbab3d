"""Rules about clients and types: each gets what is said of it, from memory too."""

from __future__ import annotations

import pytest

from mirage_hole.cache.packets import TAIL, PacketCache
from mirage_hole.lists.rule import Reply
from mirage_hole.policy.clients import Clients
from mirage_hole.policy.verdict import Outcome
from mirage_hole.resolver.events import BlockingPaused, PolicyChanged
from tests.flow.rich_rules import block, policy_of, rewrite, rich
from tests.make import Conversation, address, query, texts

CHILD, ADULT = "10.0.0.7", "127.0.0.1"
HOUSE = Clients([("Kid", ["10.0.0.0/24"], ["child"]), ("Desk", ["127.0.0.1"], ["adult"])])


class Lane:
    """An engine behind its packet cache, as the edge has it."""

    def __init__(self, *rules: object, **how: object) -> None:
        self.conversation = Conversation(rules=policy_of(rules).with_clients(HOUSE), **how)
        self.packets = PacketCache(1 << 20)
        self.replayed = 0

    def ask(self, wire: bytes, client: str) -> bytes:
        entry = self.packets.revive(address(client), wire[2:], self.conversation.now)
        if entry is not None:
            self.replayed += 1
            return wire[:2] + entry[TAIL]
        said = self.conversation.send(wire, client)
        while said.asks:
            said = self.conversation.answer(said.ask, "www.example 60 A 192.0.2.1")
        for memory in said.remembered:
            self.packets.put(*memory)
        return said.wire

    def change(self, event: object) -> None:
        assert self.conversation.tell(event).forgot
        self.packets.clear()


RULES = {
    "address": rich("www.example", clients=(CHILD,), reply=Reply.NXDOMAIN),
    "network": rich("www.example", clients=("10.0.0.0/8",), reply=Reply.NXDOMAIN),
    "name": rich("www.example", clients=("Kid",), reply=Reply.NXDOMAIN),
    "everybody but": rich("www.example", other_clients=("Desk",), reply=Reply.NXDOMAIN),
    "tag": rich("www.example", tags=("child",), reply=Reply.NXDOMAIN),
    "no tag": rich("www.example", other_tags=("adult",), reply=Reply.NXDOMAIN),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_same_octets_of_two_clients_are_answered_to_each_as_is_its_due(rule):
    lane = Lane(rule)
    wire = query("www.example", ident=7)
    first = {client: lane.ask(wire, client) for client in (CHILD, ADULT)}
    assert first[CHILD][3] & 15 == 3
    assert first[ADULT][3] & 15 == 0
    for client in (CHILD, ADULT, CHILD, ADULT, CHILD, ADULT):
        assert lane.ask(wire, client)[2:4] == first[client][2:4]
    assert lane.replayed >= 4


def test_clients_that_no_rule_tells_apart_share_what_is_remembered():
    lane = Lane(block("www.example"))
    wire = query("www.example", ident=7)
    lane.ask(wire, CHILD)
    lane.ask(query("other.example"), ADULT)
    lane.ask(query("www.example", "TXT"), ADULT)
    assert lane.ask(wire, ADULT) == lane.ask(wire, CHILD)
    assert lane.replayed == 2


def test_a_rule_for_one_type_leaves_the_others():
    lane = Lane(rich("www.example", types=(28,), reply=Reply.NXDOMAIN))
    for _ in range(3):
        assert lane.ask(query("www.example", "AAAA", ident=7), ADULT)[3] & 15 == 3
        assert lane.ask(query("www.example", "A", ident=7), ADULT)[3] & 15 == 0
    assert lane.replayed == 3


def test_who_waits_together_is_judged_alone_when_the_rules_change():
    asking = Conversation()
    ask = asking.ask("www.example", client=CHILD).ask
    asking.ask("www.example", client=ADULT, ticket="adult")
    said = asking.tell(PolicyChanged(policy_of([RULES["tag"]]).with_clients(HOUSE)))
    assert [told.subject.outcome for told in said.records] == [Outcome.BLOCKED]
    assert said.records[0].client == address(CHILD)
    assert asking.answer(ask, "www.example 60 A 192.0.2.1").tickets == ["adult"]


def test_other_clients_are_another_policy_and_what_was_remembered_is_forgotten():
    lane = Lane(RULES["name"])
    wire = query("www.example", ident=7)
    assert lane.ask(wire, CHILD)[3] & 15 == 3
    moved = Clients([("Kid", [ADULT], [])])
    lane.change(PolicyChanged(policy_of([RULES["name"]]).with_clients(moved)))
    for _ in range(2):
        assert lane.ask(wire, CHILD)[3] & 15 == 0
        assert lane.ask(wire, ADULT)[3] & 15 == 3


def test_a_pause_holds_for_all_and_ends_for_all():
    lane = Lane(RULES["tag"])
    wire = query("www.example", ident=7)
    lane.change(BlockingPaused(lane.conversation.now + 10))
    for client in (CHILD, ADULT, CHILD):
        assert lane.ask(wire, client)[3] & 15 == 0
    lane.conversation.now += 10
    for client, rcode in ((CHILD, 3), (ADULT, 0), (CHILD, 3)):
        assert lane.ask(wire, client)[3] & 15 == rcode


def test_a_rewrite_for_one_client_is_told_to_that_one():
    rule = rewrite("www.example", "A 192.0.2.99")._replace(clients=("Kid",))
    lane = Lane(rule)
    wire = query("www.example", ident=7)
    import dns.message

    for client, expected in ((CHILD, "192.0.2.99"), (ADULT, "192.0.2.1")) * 3:
        assert texts(dns.message.from_wire(lane.ask(wire, client)).answer)[0].endswith(expected)
