"""Which upstreams are asked for which names: conditional forwarding and split DNS."""

from __future__ import annotations

import pytest

from mirage_hole.upstream.groups import Group
from mirage_hole.upstream.routes import Routes
from mirage_hole.wire.names import from_text, labels_of
from tests.flow.rich_rules import policy_of, rewrite
from tests.make import Conversation, an_upstream, assert_at_rest, texts


def talk(**how: object) -> Conversation:
    """Group 0 is for the world, 1 for corp.example, 2 for lab.corp.example and names of one label."""
    groups = [Group(number, f"group {number}", [an_upstream(number)]) for number in range(3)]
    routes = {"corp.example": 1, "lab.corp.example": 2, "168.192.in-addr.arpa": 1}
    return Conversation(groups=groups, routes=routes, unqualified=2, **how)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("www.example.com", 0),
        ("corp.example", 1),
        ("www.corp.example", 1),
        ("WWW.Corp.Example", 1),
        ("xcorp.example", 0),
        ("lab.corp.example", 2),
        ("a.b.lab.corp.example", 2),
        ("7.1.168.192.in-addr.arpa", 1),
        ("7.1.169.192.in-addr.arpa", 0),
        ("printer", 2),
        (".", 0),
    ],
)
def test_the_longest_domain_decides_who_is_asked(name, group):
    assert talk().ask(name).ask.upstream == group


def test_answers_of_different_groups_are_kept_apart():
    """The same name may be asked of another group once an alias leads to it; what one group says is not another's word."""
    conversation = talk(rules=policy_of([rewrite("www.example.com", "CNAME www.corp.example.")]))
    first = conversation.ask("www.example.com").ask
    assert first.upstream == 1
    said = conversation.answer(first, "www.corp.example 300 A 192.0.2.7")
    assert texts(said.reply.answer)[-1].endswith("192.0.2.7")
    assert conversation.ask("www.corp.example").reply.answer  # known, since the alias asked the same group
    assert_at_rest(conversation.engine)


def test_a_group_without_upstreams_fails_at_once():
    conversation = Conversation(
        groups=[Group(0, "default", [an_upstream(0)]), Group(1, "none", [])], routes={"corp.example": 1}
    )
    assert conversation.ask("www.corp.example").reply.rcode() == 2
    assert conversation.ask("www.example.com").ask.upstream == 0


def test_a_route_for_everything_is_not_conditional():
    routes = Routes({b"\0": 1, from_text("corp.example"): 2})

    def conditional(name: str) -> bool:
        wire = from_text(name)
        return routes.is_conditional(wire, labels_of(wire))

    assert conditional("a.corp.example")
    assert not conditional("www.example.com")
    assert not Routes().is_conditional(from_text("x.example"), labels_of(from_text("x.example")))
