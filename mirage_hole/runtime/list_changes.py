"""What two versions of a list differ in: counted from fingerprints, so that millions of rules cost eight octets each.

Each version is read twice: once to know which rules only one of them has, once to show those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mirage_hole.lists.rule import Reply, RichRule
from mirage_hole.policy.order import Step
from mirage_hole.policy.verdict import Match, rule_text
from mirage_hole.runtime.fingerprints import Fingerprints, fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mirage_hole.lists.rule import Rule
    from mirage_hole.runtime.fingerprints import Marks

    Version: TypeAlias = Callable[[], Iterable[Rule | RichRule]]
    """Starts reading the rules of a version from the beginning."""


class Changed(NamedTuple):
    """A rule that only one version has."""

    line: int
    rule: str
    """As people write it."""


class Changes(NamedTuple):
    """What became of a list. Rules are compared by what they say, not by how or where they are written."""

    before: int
    """Different rules of the old version."""
    after: int
    added: Marks
    removed: Marks


def compare(old: Version, new: Version) -> Changes:
    """Which rules only one of two versions has."""
    before, after = _gather(old), _gather(new)
    added, removed = after.without(before), before.without(after)
    return Changes(before.distinct(), after.distinct(), added, removed)


def each_of(version: Version, marks: Marks) -> Iterator[Changed]:
    """The marked rules of a version, each once, in the order of its lines as far as they are simple; then the others."""
    if not marks.size:
        return
    marks.restart()
    for rule in version():
        if marks.take(fingerprint(rule)):
            yield Changed(rule.line, text_of_rule(rule))


def text_of_rule(rule: Rule | RichRule) -> str:
    """A rule as people write it; a reply of its own, for which lists have many spellings, in words."""
    if isinstance(rule, RichRule):
        return rule.text
    name, action, scope, line, reply, important = rule
    text = rule_text(Match(0, action, scope, name, line, Step.BLOCK, reply, important))
    return text if reply is Reply.MODE else f"{text}  ({reply.name})"


def _gather(version: Version) -> Fingerprints:
    found = Fingerprints()
    add = found.add
    for rule in version():
        add(fingerprint(rule))
    return found
