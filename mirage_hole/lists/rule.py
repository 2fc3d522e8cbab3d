"""What a list line means, whatever its format was.

Two kinds of rules: :class:`Rule`, a name and a few bits, of which there are millions; and :class:`RichRule`, everything
that takes more to say, of which there are thousands.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Action(IntEnum):
    BLOCK = 0
    ALLOW = 1


class Scope(IntEnum):
    """Which names a rule's name stands for."""

    EXACT = 0
    """The name alone."""
    SUBTREE = 1
    """The name and every name below it."""
    BELOW = 2
    """Every name below it, not the name itself: a wildcard in DNS (RFC 4592)."""


class Reply(IntEnum):
    """What a blocked name is answered."""

    MODE = 0
    """What the block mode says."""
    NULL = 1
    """A 0.0.0.0, AAAA ::, NODATA for any other type."""
    NODATA = 2
    NXDOMAIN = 3
    REFUSED = 4
    DROP = 5
    """No answer at all."""


class Target(IntEnum):
    """What a rich rule's ``subject`` is."""

    NAME = 0
    """A name, lower-case text without the final dot; ``scope`` says which names it stands for."""
    PATTERN = 1
    """Adblock syntax: ``||``, ``|``, ``^`` and ``*`` mean what they mean there; the rest is literal and lower-case."""
    REGEX = 2
    """An RE2 expression, searched in the lower-case name without its final dot."""
    ADDRESS = 3
    """A network such as ``192.0.2.0/24`` or ``2001:db8::1/128``, looked for among the addresses of answers."""


class Rule(NamedTuple):
    """One rule about one name, read from one line."""

    name: bytes
    """Folded wire form, root octet included."""
    action: Action
    scope: Scope
    line: int
    """Counted from 1."""
    reply: Reply = Reply.MODE
    important: bool = False


class Rewrite(NamedTuple):
    """An answer of a rule's own (``$dnsrewrite``, local data)."""

    rcode: int
    """:class:`mirage_hole.wire.codes.Rcode`."""
    rrtype: int = 0
    """0: no record; the answer is the rcode alone."""
    rdata: bytes = b""
    """Wire form, uncompressed. Of a CNAME: the target's name; if its first label is ``*``, the name that was asked for stands
    in its place (``CNAME *.garden.example.`` of a policy zone)."""


EVERY_REWRITE = Rewrite(-1)
"""Of an exception ``@@||x^$dnsrewrite`` without a value: it lifts every rewrite."""


class RichRule(NamedTuple):
    """A rule that is more than a name. It applies when its subject and every condition fit."""

    text: str
    """As the line says it, without a comment."""
    action: Action
    target: Target
    subject: str
    scope: Scope = Scope.EXACT
    """Of a name; ``EXACT`` for every other target."""
    line: int = 0
    """Counted from 1; 0 until it is known."""
    important: bool = False
    badfilter: bool = False
    """It applies to no name: it switches off the rules that are written like it."""
    invert: bool = False
    """It applies where its subject does *not* fit (Pi-hole's ``;invert``)."""
    reply: Reply = Reply.MODE
    types: tuple[int, ...] = ()
    """Query types that it is about; empty: all."""
    other_types: tuple[int, ...] = ()
    """Query types that it is not about."""
    clients: tuple[str, ...] = ()
    """Addresses, networks and names of clients that it is about; empty: all."""
    other_clients: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """It is about clients with any of these tags; empty: all."""
    other_tags: tuple[str, ...] = ()
    denyallow: tuple[str, ...] = ()
    """Names, lower-case text, that it does not apply to, nor to any name below them."""
    rewrite: Rewrite | None = None


class Complaint(NamedTuple):
    """A line, or a part of one, that is no rule; and why."""

    line: int
    reason: str
    """One short sentence for people, without the text."""
    text: str
    """The offending piece, at most 80 characters, printable."""
