"""What the policy says of a name. A value that travels with the answer: the log, the metrics, EDE and ``explain`` read it."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.lists.rule import Action, Reply, Scope
from mirage_hole.wire.names import BadName, from_text, to_text

if TYPE_CHECKING:
    from mirage_hole.lists.rule import Rewrite, RichRule
    from mirage_hole.policy.order import Step

OWN_LIST: Final = 0xFFFE
"""The list id of the user's own rules, which are of no generation. 65535 means no rule in a record."""
OWN_TITLE: Final = "your own rules"
"""What they are called where a list's title stands."""
_VIA: Final = " (via "


class Match(NamedTuple):
    """One rule of one list that applies to a name, or to an address of an answer."""

    list_id: int
    """Index into the generation's lists (:class:`mirage_hole.policy.index.ListInfo`), or ``OWN_LIST``."""
    action: Action
    scope: Scope
    name: bytes
    """What the rule stands for, folded wire form: the asked name or one of its ancestors."""
    line: int
    """Line number in the list, counted from 1; 0 when it is not known."""
    step: Step
    """Its place in the order of precedence."""
    reply: Reply = Reply.MODE
    important: bool = False
    rich: RichRule | None = None
    """The rule itself, when it is more than a name."""
    rewrites: tuple[Rewrite, ...] = ()
    """The answer of its own. Of the match that decides: of all rewrites of the same step together."""


class Outcome(IntEnum):
    """How a query ended. Exactly one a query; the numbers are part of the record format and never reused."""

    FORWARDED = 0
    CACHED = 1
    BLOCKED = 2
    LOCAL = 3
    FAILED = 4
    """SERVFAIL: no upstream gave a usable answer."""
    REFUSED = 5
    MALFORMED = 6
    """FORMERR, NOTIMP or BADVERS."""
    DROPPED = 7
    """A query that got no answer: a caller outside the allowed networks, or more at once than the bounds permit."""
    STALE = 8
    """Answered from the cache after its time, since no upstream answered (RFC 8767)."""
    LIMITED = 9
    """Over a rate limit: truncated, refused or not answered."""
    SPECIAL = 10
    """Answered by this server itself: special-use names, its own name, questions about itself."""
    BOGUS = 11
    """SERVFAIL: the answer did not pass DNSSEC validation."""
    REBIND = 12
    """An answer from outside led to a private address and was taken away."""


def rule_text(match: Match) -> str:
    """The rule as people write it: a rich rule as its line says it, any other as ``x``, ``||x^``, ``@@|x^`` and so on."""
    if match.rich is not None:
        return match.rich.text
    name = to_text(match.name)
    text = (name, f"||{name}^", f"||*.{name}^")[match.scope]
    if match.action is Action.ALLOW:
        text = f"@@|{name}^" if match.scope is Scope.EXACT else f"@@{text}"
    elif match.important and match.scope is Scope.EXACT:
        text = f"|{name}^"
    return f"{text}$important" if match.important else text


def through_text(match: Match, via: bytes) -> str:
    """The rule, and the name that an answer led through which it is about."""
    return f"{rule_text(match)}{_VIA}{to_text(via)})"


def plain_rule_in(text: str) -> bytes | None:
    """The name that a plain rule stands for (folded wire form), of what :func:`through_text` said of it; None for any other."""
    rule, via, _ = text.partition(_VIA)
    if not via:
        return None
    name = rule.removeprefix("@@").lstrip("|").removeprefix("*.").removesuffix("$important").removesuffix("^")
    try:
        return from_text(name)
    except BadName:
        return None
