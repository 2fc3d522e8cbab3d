"""Local data: a name with an answer of its own, as dnsmasq's, unbound's and policy zones' lines give it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.lists.line import Found, Problem, found
from mirage_hole.lists.records import read_record
from mirage_hole.lists.rule import Action, Reply, RichRule, Scope, Target
from mirage_hole.lists.spelling import SINKHOLES
from mirage_hole.wire.names import to_text

if TYPE_CHECKING:
    from mirage_hole.lists.rule import Rewrite


def local_data(
    name: str, scope: Scope, rrtype: str, value: str, action: Action, line: str, sinkhole: Reply = Reply.MODE
) -> Found | RichRule | Problem:
    """The rule for a name that is given a record.

    Args:
        name: as it is spelled.
        rrtype: upper-case.
        value: the record's data, as :func:`mirage_hole.lists.records.read_record` takes it.
        action: of the list; an allowlist lets the name through, whatever answer its line gives.
        line: for the rule's text.
        sinkhole: what is answered when the data is an address that only blocks, such as ``0.0.0.0``.
    """
    if action is Action.ALLOW:
        return found(name, action, scope)
    if rrtype in {"A", "AAAA"} and value in SINKHOLES:
        return found(name, action, scope, sinkhole)
    try:
        rewrite = read_record(rrtype, value)
    except ValueError as problem:
        return Problem(str(problem), line)
    return own_answer(name, scope, rewrite, line)


def own_answer(name: str, scope: Scope, rewrite: Rewrite, line: str) -> RichRule | Problem:
    """The rule for a name with an answer of its own.

    It is a block and keeps a block's place in the order: an exception lifts it, as ``rpz-passthru`` and ``transparent`` do
    where such lines come from. The reply is for the types that have no record; ``$dnsrewrite`` has none.
    """
    plain = found(name, Action.BLOCK, scope)
    if isinstance(plain, Problem):
        return plain
    return RichRule(line, Action.BLOCK, Target.NAME, to_text(plain.name), scope, reply=Reply.NODATA, rewrite=rewrite)
