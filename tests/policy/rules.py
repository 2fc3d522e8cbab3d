"""Builders for tests: rules from the text people write, an index from rules."""

from __future__ import annotations

from mirage_hole.lists.rule import Action, PatternRule, Rule, Scope
from mirage_hole.policy.build import Builder
from mirage_hole.policy.index import Index, ListInfo
from mirage_hole.policy.verdict import Match
from mirage_hole.wire.names import from_text, labels_of


def rule(text: str, line: int = 1) -> Rule:
    """``||x^``, ``x``, ``@@||x^`` or ``@@|x^`` as a rule."""
    action = Action.ALLOW if text.startswith("@@") else Action.BLOCK
    bare = text.removeprefix("@@")
    scope = Scope.SUBTREE if bare.startswith("||") else Scope.EXACT
    return Rule(from_text(bare.strip("|^")), action, scope, line)


def pattern(text: str, line: int = 1) -> PatternRule:
    """A rule with wildcards."""
    action = Action.ALLOW if text.startswith("@@") else Action.BLOCK
    bare = text.removeprefix("@@")
    return PatternRule(bare.strip("|^"), action, Scope.SUBTREE if bare.startswith("||") else Scope.EXACT, line)


def an_index(*lists: list[Rule] | list[str], generation: int = 1) -> Index:
    """Each list is given by its rules; texts are numbered from line 1."""
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
        builder.add_patterns(
            pattern(entry, line) for line, entry in numbered if isinstance(entry, str) and "*" in entry
        )
        infos.append(ListInfo(f"list {number}", f"{number}.txt", "block", "domains", len(rules), 0))
    return builder.build().as_index(generation, infos)


def decide(index: Index, text: str, **keywords: int) -> Match | None:
    wire = from_text(text)
    return index.decide(wire, labels_of(wire), **keywords)
