"""The names that an answer leads through: aliases (CNAME), and the targets of SVCB and HTTPS records.

A DNAME leads nowhere by itself: what it makes of a name stands beside it as a CNAME (RFC 6672 3.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.wire.codes import RRClass, RRType
from mirage_hole.wire.names import fold
from mirage_hole.wire.query import skip_name
from mirage_hole.wire.writer import HEAD, whole_name

if TYPE_CHECKING:
    from mirage_hole.wire.scan import Reply

MOST_ALIASES: Final = 32
"""In a row. Resolvers follow about a dozen themselves (unbound 11, BIND 16)."""
MOST_BINDINGS: Final = 64
"""Of one answer. Honest ones have fewer than ten."""

_CNAME: Final = int(RRType.CNAME)  # members of an enumeration are slow to look up
_BINDINGS: Final = frozenset({int(RRType.SVCB), int(RRType.HTTPS)})
_IN: Final = int(RRClass.IN)


def aliases(question: bytes, reply: Reply) -> list[bytes] | None:
    """The names that the question's name is an alias of, one after the other, folded wire form.

    None when they lead in a circle, are more than ``MOST_ALIASES``, or can't be read: nobody can make use of that answer.

    Args:
        question: the question section that was asked.
        reply: what the upstream said; its sections were found whole when it was scanned.
    """
    source = bytes(12) + question + reply.records
    at = 12 + len(question)
    name = fold(question[:-4])
    leads: dict[bytes, bytes] = {}
    places = {0xC00C: name}  # pointers to what was read: the owner of an alias is nearly always the target of the last
    left = MOST_ALIASES
    for _ in range(reply.counts[0]):
        start, at = at, skip_name(source, at)
        kind, rrclass, _, length = HEAD.unpack_from(source, at)
        at += HEAD.size
        if kind == _CNAME and rrclass == _IN:
            left -= 1
            owner = places.get(source[start] << 8 | source[start + 1]) or whole_name(source, start)[0]
            target, end = whole_name(source, at)
            if owner is None or target is None or end != at + length or left < 0:
                return None
            places[0xC000 + at] = target = fold(target)
            leads.setdefault(fold(owner), target)
        at += length
    found = [name]
    while (target := leads.get(name)) is not None:
        if target in found:
            return None
        found.append(target)
        name = target
    return found[1:]


def targets(question: bytes, reply: Reply) -> list[bytes] | None:
    """The target names of the answer's SVCB and HTTPS records, each once, folded wire form.

    Left out is ``.``, which stands for the owner itself (RFC 9460 2.5.2). None for more than ``MOST_BINDINGS`` records and for
    a name that can't be read, which others might read all the same.
    """
    source = bytes(12) + question + reply.records
    at = 12 + len(question)
    found: dict[bytes, None] = {}
    left = MOST_BINDINGS
    for _ in range(reply.counts[0]):
        at = skip_name(source, at)
        kind, _, _, length = HEAD.unpack_from(source, at)
        at += HEAD.size
        if kind in _BINDINGS:
            left -= 1
            target, end = whole_name(source, at + 2)
            if target is None or end > at + length or left < 0:
                return None
            if target != b"\0":
                found[fold(target)] = None
        at += length
    return list(found)
