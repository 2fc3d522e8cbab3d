"""What rules in Adblock syntax do, by our policy; and AdGuard Home's way of matching a pattern, an oracle for the reading.

It turns a pattern into a regular expression and searches it in ``http://name``, or in the name where the pattern begins
neither with ``||`` nor with a scheme.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mirage_hole.lists.line import Found
from mirage_hole.lists.parse import parse
from mirage_hole.lists.rule import Action, RichRule, Rule
from mirage_hole.policy.build import Builder
from mirage_hole.policy.index import ListInfo
from mirage_hole.wire.names import from_text, labels_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mirage_hole.policy.policy import Policy
    from mirage_hole.policy.verdict import Match

_SEPARATOR = r"(?:[^ a-zA-Z0-9.%_-]|$)"
_HOST = r"^(?:http|https|ws|wss)://(?:[a-z0-9_.-]+\.)?"


def fits(pattern: str, name: str) -> bool:
    """Whether a rule of AdGuard Home with this pattern, which is no bare name, is about the name."""
    pattern = pattern.lower()
    if pattern.endswith("/*"):
        pattern = pattern.removesuffix("/*") + "^"
    by_url = pattern.startswith(("||", "http://", "https://", "://", "|http://", "|https://"))
    front, rest = "", pattern
    if pattern.startswith("||"):
        front, rest = _HOST, pattern[2:]
    elif pattern.startswith("|"):
        front, rest = "^", pattern[1:]
    back = ""
    if rest.endswith("|"):
        rest, back = rest.removesuffix("|"), "$"
    middle = "".join({"*": ".*", "^": _SEPARATOR}.get(one, re.escape(one)) for one in rest)
    return re.search(front + middle + back, f"http://{name}" if by_url else name) is not None


def adblock_rules(text: str, kind: Action = Action.BLOCK) -> list[Rule | RichRule]:
    """Every rule of a list in Adblock syntax; none of its lines may be a complaint."""
    parsed = parse(text.encode().split(b"\n"), kind, "adblock")
    rules = [*parsed]
    assert parsed.complaints == []
    return [*rules, *parsed.rich]


def a_policy(rules: Iterable[Rule | RichRule | Found], kind: Action = Action.BLOCK) -> Policy:
    """A policy of one list."""
    builder = Builder()
    plain, rich = [], []
    for one in rules:
        if isinstance(one, RichRule):
            rich.append(one)
        elif isinstance(one, Rule):
            plain.append(one)
        else:
            plain.append(Rule(one.name, one.action, one.scope, 1, one.reply, one.important))
    builder.add_list(plain)
    builder.add_rich(rich)
    return builder.build().as_policy(1, [ListInfo("list", "list.txt", kind.name.lower(), "adblock", len(plain), 0)])


def decides(rules: Iterable[Rule | RichRule | Found], name: str) -> Match | None:
    """The match that decides over a query for the addresses of a name."""
    wire = from_text(name)
    return a_policy(rules).decide(wire, labels_of(wire), 1)
