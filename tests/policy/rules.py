"""Builders for tests: rules from the text people write, an index from rules."""

from __future__ import annotations

from mirage_hole.lists.rule import Action, RichRule, Rule, Scope, Target
from mirage_hole.policy.build import Builder, Built
from mirage_hole.policy.index import Index, ListInfo
from mirage_hole.policy.policy import Policy
from mirage_hole.policy.verdict import Match
from mirage_hole.wire.names import from_text, labels_of


def rule(text: str, line: int = 1) -> Rule:
    """``||x^``, ``x``, ``@@||x^`` or ``@@|x^`` as a rule."""
    action = Action.ALLOW if text.startswith("@@") else Action.BLOCK
    bare = text.removeprefix("@@")
    scope = Scope.SUBTREE if bare.startswith("||") else Scope.EXACT
    return Rule(from_text(bare.strip("|^")), action, scope, line)


def pattern(text: str, line: int = 1) -> RichRule:
    """A rule with wildcards."""
    action = Action.ALLOW if text.startswith("@@") else Action.BLOCK
    return RichRule(text, action, Target.PATTERN, text.removeprefix("@@"), line=line)


def built(lists: tuple[list[Rule | str], ...]) -> tuple[Built, list[ListInfo]]:
    builder = Builder()
    infos = []
    for number, entries in enumerate(lists):
        numbered = list(enumerate(entries, 1))
        rules = [
            entry if isinstance(entry, Rule) else rule(entry, line)
            for line, entry in numbered
            if isinstance(entry, Rule) or "*" not in entry
        ]
        builder.add_list(rules)
        builder.add_rich(pattern(entry, line) for line, entry in numbered if isinstance(entry, str) and "*" in entry)
        infos.append(ListInfo(f"list {number}", f"{number}.txt", "block", "domains", len(rules), 0))
    return builder.build(), infos


def an_index(*lists: list[Rule] | list[str], generation: int = 1) -> Index:
    """Each list is given by its rules; texts are numbered from line 1."""
    made, infos = built(lists)
    return made.as_index(generation, infos)


def a_policy(*lists: list[Rule] | list[str], generation: int = 1) -> Policy:
    """The same, with the rules that have wildcards."""
    made, infos = built(lists)
    return made.as_policy(generation, infos)


def decide(index: Index | Policy, text: str, **keywords: int) -> Match | None:
    wire = from_text(text)
    return index.decide(wire, labels_of(wire), **keywords)
