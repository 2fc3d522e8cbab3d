"""Policies from lists as people write them, read by the real parsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.lists.own import read_own
from mirage_hole.lists.parse import parse
from mirage_hole.lists.rule import Action
from mirage_hole.policy.build import Builder
from mirage_hole.policy.clients import Clients
from mirage_hole.policy.index import ListInfo
from mirage_hole.policy.rich import RichRules
from mirage_hole.policy.verdict import OWN_LIST
from mirage_hole.wire.names import from_text, labels_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.policy.policy import Policy
    from mirage_hole.policy.verdict import Match

KID, DESK = bytes((192, 168, 1, 20)), bytes((192, 168, 1, 9))
HOUSE = Clients([("Kid", ["192.168.1.20"], ["user_child"]), ("Desk", ["192.168.1.9"], ["user_admin"])])


def policy(
    *blocklists: str, allow: Sequence[str] = (), own: Sequence[str] = (), form: str | None = "adblock"
) -> Policy:
    """Each list is a text of several lines; allowlists come behind the blocklists. Every line must be a rule."""
    builder = Builder()
    infos = []
    lists = [(text, Action.BLOCK) for text in blocklists] + [(text, Action.ALLOW) for text in allow]
    for number, (text, action) in enumerate(lists):
        parsed = parse(text.encode().split(b"\n"), action, form)
        assert [(one.reason, one.text) for one in parsed.complaints] == []
        builder.add_list(parsed)
        builder.add_rich(parsed.rich)
        infos.append(
            ListInfo(f"list {number}", f"{number}.txt", "block" if action is Action.BLOCK else "allow", "adblock", 1, 0)
        )
    rules = RichRules([(OWN_LIST, read_own(text)) for text in own])
    return builder.build().as_policy(1, infos).with_own(rules).with_clients(HOUSE)


def decided(rules: Policy, name: str, qtype: int = 1, client: bytes = DESK) -> Match | None:
    """What decides; that all matches say the same is checked on the way."""
    wire = from_text(name)
    match = rules.decide(wire, labels_of(wire), qtype, client)
    assert match == next(iter(rules.matches(wire, labels_of(wire), qtype, client)), None)
    return match


def outcome(rules: Policy, name: str, qtype: int = 1, client: bytes = DESK) -> str:
    """``block``, ``allow``, ``rewrite`` or nothing."""
    match = decided(rules, name, qtype, client)
    if match is None:
        return ""
    return "rewrite" if match.rewrites else match.action.name.lower()
