"""Rules as a compiler stores them and a worker reads them: a code for a simple rule's bits, a JSON array for a rich rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mirage_hole.lists.rule import Action, Reply, Rewrite, RichRule, Scope, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

CODE_BITS = 7
"""A code is below ``1 << CODE_BITS``."""


class Bits(NamedTuple):
    """What a code says."""

    action: Action
    scope: Scope
    reply: Reply
    important: bool


def encode_bits(action: int, scope: int, reply: int, important: bool) -> int:
    """The code of a simple rule's bits: important · reply (3 bits) · action · scope (2 bits)."""
    return important << 6 | reply << 3 | action << 2 | scope


def decode_bits(code: int) -> Bits:
    """The reverse of :func:`encode_bits`.

    Raises:
        ValueError: no such code.
    """
    return Bits(Action(code >> 2 & 1), Scope(code & 3), Reply(code >> 3 & 7), bool(code >> 6))


def encode_rich(rule: RichRule) -> list[Any]:
    """The fields of a rich rule as JSON knows them; those at the end that are as usual are left out."""
    fields: list[Any] = list(rule)
    if rule.rewrite is not None:
        fields[-1] = [rule.rewrite.rcode, rule.rewrite.rrtype, rule.rewrite.rdata.hex()]
    while len(fields) > _NEEDED and fields[-1] == _USUAL[len(fields) - 1]:
        fields.pop()
    return fields


def decode_rich(raw: Sequence[Any]) -> RichRule:
    """The reverse of :func:`encode_rich`.

    Raises:
        ValueError: it is none.
    """
    try:
        if len(raw) <= _PLAIN:  # nearly every rule of the user's own: nothing but a name
            text, action, target, subject, *more = raw
            scope, line = (*more, 0, 0)[:2]
            return RichRule(_text(text), Action(action), Target(target), _text(subject), Scope(scope), int(line))
        rule = RichRule(*raw)
        rewrite = None
        if rule.rewrite is not None:
            rcode, rrtype, rdata = rule.rewrite
            rewrite = Rewrite(int(rcode), int(rrtype), bytes.fromhex(rdata))  # type: ignore[arg-type]
        return rule._replace(
            text=_text(rule.text),
            action=Action(rule.action),
            target=Target(rule.target),
            subject=_text(rule.subject),
            scope=Scope(rule.scope),
            line=int(rule.line),
            reply=Reply(rule.reply),
            types=tuple(map(int, rule.types)),
            other_types=tuple(map(int, rule.other_types)),
            clients=tuple(map(_text, rule.clients)),
            other_clients=tuple(map(_text, rule.other_clients)),
            tags=tuple(map(_text, rule.tags)),
            other_tags=tuple(map(_text, rule.other_tags)),
            denyallow=tuple(map(_text, rule.denyallow)),
            rewrite=rewrite,
        )
    except TypeError as problem:
        message = f"no rule: {problem}"
        raise ValueError(message) from problem


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    message = f"{value!r} is no text"
    raise ValueError(message)


_PLAIN = 6  # as far as the line
_NEEDED = 4  # text, action, target, subject
_USUAL = tuple(RichRule._field_defaults.get(name) for name in RichRule._fields)
