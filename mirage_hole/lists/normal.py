"""When are two rules the same? ``$badfilter`` asks: it switches off every rule that is written like it, itself aside.

The order of values counts for nothing, nor does the way a name is spelled. AdGuard Home leaves ``$dnstype``, ``$denyallow``
and ``$dnsrewrite`` out of its comparison, so that there the wrong rule is switched off; here every condition counts.
"""

from __future__ import annotations

from typing import TypeAlias

from mirage_hole.lists.line import Found
from mirage_hole.lists.rule import RichRule, Rule, Scope, Target
from mirage_hole.wire.names import from_text, to_text

NormalForm: TypeAlias = tuple[object, ...]
"""Hashable; equal for rules that mean the same. What is inside is nobody's business."""


def normal_form(rule: RichRule | Rule | Found) -> NormalForm:
    """What a rule says, without where it stands, how it is spelled and whether it has ``$badfilter``."""
    if not isinstance(rule, RichRule):
        return _form(
            RichRule("", rule.action, Target.NAME, to_text(rule.name), rule.scope, 0, rule.important, reply=rule.reply)
        )
    return _form(rule)


def plain_rule(rule: RichRule) -> Found | None:
    """The plain rule, as the index of names holds it, with the same normal form; None when no plain rule can have it."""
    plain = Found(
        from_text(rule.subject) if rule.target is Target.NAME else b"",
        rule.action,
        rule.scope,
        rule.reply,
        rule.important,
    )
    return plain if rule.target is Target.NAME and normal_form(plain) == _form(rule) else None


def _form(rule: RichRule) -> NormalForm:
    return (
        int(rule.action),
        int(rule.target),
        rule.subject,
        int(rule.scope) if rule.target is Target.NAME else int(Scope.EXACT),
        rule.important,
        rule.invert,
        int(rule.reply),
        tuple(sorted(set(rule.types))),
        tuple(sorted(set(rule.other_types))),
        tuple(sorted(set(rule.clients))),
        tuple(sorted(set(rule.other_clients))),
        tuple(sorted(set(rule.tags))),
        tuple(sorted(set(rule.other_tags))),
        tuple(sorted(set(rule.denyallow))),
        None if rule.rewrite is None else tuple(rule.rewrite),
    )
