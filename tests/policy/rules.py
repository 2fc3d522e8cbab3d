"""Builders for tests: rules from the text people write, an index or a policy from rules."""

from __future__ import annotations

from typing import Any

from mirage_hole.lists.rule import Action, RichRule, Rule, Scope, Target
from mirage_hole.policy.build import Builder, Built
from mirage_hole.policy.index import Index, ListInfo
from mirage_hole.policy.policy import Policy
from mirage_hole.policy.rich import RichRules
from mirage_hole.policy.verdict import OWN_LIST, Match
from mirage_hole.wire.codes import type_text
from mirage_hole.wire.names import from_text, labels_of

OWN = OWN_LIST


def rule(text: str, line: int = 1) -> Rule:
    """``||x^``, ``x``, ``@@||x^`` or ``@@|x^``, with ``$important`` or without, as a rule."""
    action = Action.ALLOW if text.startswith("@@") else Action.BLOCK
    important = text.endswith("$important")
    bare = text.removeprefix("@@").removesuffix("$important")
    scope = Scope.SUBTREE if bare.startswith("||") else Scope.EXACT
    return Rule(from_text(bare.strip("|^")), action, scope, line, important=important)


def pattern(text: str, line: int = 1, **more: Any) -> RichRule:
    """A rule with wildcards."""
    action = Action.ALLOW if text.startswith("@@") else Action.BLOCK
    return RichRule(text, action, Target.PATTERN, text.removeprefix("@@"), line=line, **more)


def regex(text: str, line: int = 1, **more: Any) -> RichRule:
    """``/expression/``, with ``@@`` in front or not."""
    action = Action.ALLOW if text.startswith("@@") else Action.BLOCK
    return RichRule(text, action, Target.REGEX, text.removeprefix("@@").strip("/"), line=line, **more)


def rich(text: str, **more: Any) -> RichRule:
    """A rule about a name, as :func:`rule` reads it, with conditions that its text shows in part."""
    plain = rule(text)
    subject = text.removeprefix("@@").removesuffix("$important").strip("|^")
    shown = [type_text(one) for one in more.get("types", ())]
    modifiers = [
        *([f"dnstype={'|'.join(shown)}"] if shown else []),
        *(["important"] if more.get("important") else []),
        *(["badfilter"] if more.get("badfilter") else []),
        *(["dnsrewrite"] if more.get("rewrite") else []),
    ]
    fields = {"action": plain.action, "scope": plain.scope, "important": plain.important} | more
    modified = f"{text}${','.join(modifiers)}" if modifiers else text
    return RichRule(modified, target=Target.NAME, subject=subject, **fields)


def built(lists: tuple[list[Any], ...], kinds: str = "") -> tuple[Built, list[ListInfo]]:
    """``kinds``: a letter for each list, ``a`` for an allowlist; the rest are blocklists."""
    builder = Builder()
    infos = []
    for number, entries in enumerate(lists):
        numbered = list(enumerate(entries, 1))
        rules = [
            entry if isinstance(entry, Rule) else rule(entry, line)
            for line, entry in numbered
            if isinstance(entry, Rule) or (isinstance(entry, str) and "*" not in entry)
        ]
        builder.add_list(rules)
        builder.add_rich(
            entry if isinstance(entry, RichRule) else pattern(entry, line)
            for line, entry in numbered
            if isinstance(entry, RichRule) or (isinstance(entry, str) and "*" in entry)
        )
        kind = "allow" if kinds[number : number + 1] == "a" else "block"
        infos.append(ListInfo(f"list {number}", f"{number}.txt", kind, "domains", len(rules), 0))
    return builder.build(), infos


def an_index(*lists: list[Rule] | list[str], generation: int = 1) -> Index:
    """Each list is given by its rules; texts are numbered from line 1."""
    made, infos = built(lists)
    return made.as_index(generation, infos)


def a_policy(*lists: list[Rule] | list[str], generation: int = 1) -> Policy:
    """The same, with the rules that have wildcards."""
    made, infos = built(lists)
    return made.as_policy(generation, infos)


def policy_of(*lists: list[Any], own: list[RichRule] | None = None, kinds: str = "") -> Policy:
    """Lists of plain rules (as text too) and rich ones, behind the user's own."""
    made, infos = built(lists, kinds)
    return made.as_policy(1, infos).with_own(RichRules([(OWN, one) for one in own or ()]))


def decide(index: Index | Policy, text: str, **keywords: Any) -> Match | None:
    wire = from_text(text)
    return index.decide(wire, labels_of(wire), **keywords)


def matches(policy: Policy, text: str, **keywords: Any) -> list[Match]:
    wire = from_text(text)
    return policy.matches(wire, labels_of(wire), **keywords)
