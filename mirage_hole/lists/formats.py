"""The formats that are read: one registry, used by the parser, by the detection and by whoever lists them for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mirage_hole.lists import adblock, addresses, dnsmasq, domains, hosts, pihole, rpz, unbound, wildcard
from mirage_hole.lists.rule import Reply, Scope

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from mirage_hole.lists.line import Findings
    from mirage_hole.lists.rule import Action


class Reader(Protocol):
    """Reads the lines of one list, in order, where what a line means depends on those before it."""

    @property
    def plain(self) -> bool:
        """Whether a line that fits the format's ``simple`` means here what it seems to mean."""

    def read(self, text: str, action: Action) -> Findings:
        """The findings of one line with the space in front of it, neither empty nor a comment. Never raises."""

    def wants(self, text: str) -> bool:
        """Whether a line is its own whatever it looks like, since it goes on with the one before."""

    def passed(self, name: bytes) -> None:
        """Hear the name of the last ``simple`` line, if any came since the line that was read last."""

    def end(self) -> Findings:
        """What is wrong when no line follows."""


@dataclass(frozen=True, slots=True)
class Format:
    """One way of writing lists."""

    name: str
    about: str
    """What a line means, in a few words for people."""
    example: str
    read: Callable[[str, Action], Findings]
    """The findings of one line: stripped, neither empty nor a comment. Never raises."""
    simple: re.Pattern[bytes]
    """Matches a whole line that means just one rule: ``scope``, ``reply`` and the list's own action for the name in group 1.
    With ``*.`` in front of it the name stands for what is below it."""
    scope: Scope
    reply: Reply = Reply.MODE
    reader: Callable[[], Reader] | None = None
    """Makes what reads a whole list, for a format that is more than lines; ``read`` reads a line that stands alone."""


HOSTS = Format("hosts", "an address, then names: each name alone", "0.0.0.0 x", hosts.read, hosts.SIMPLE, hosts.SCOPE)
DOMAINS = Format("domains", "one name a line: that name alone", "x", domains.read, domains.SIMPLE, domains.SCOPE)
SUBTREES = Format(
    "subtrees",
    "one name a line: the name and all below it; never found out, only asked for",
    "x",
    domains.read_subtrees,
    domains.SIMPLE,
    Scope.SUBTREE,
)
WILDCARD = Format(
    "wildcard", "*.name: the name and all below it", "*.x", wildcard.read, wildcard.SIMPLE, wildcard.SCOPE
)
ADBLOCK = Format(
    "adblock",
    "||name^: the name and all below it; @@||name^ allows",
    "||x^",
    adblock.read,
    adblock.SIMPLE,
    adblock.SCOPE,
)

DNSMASQ = Format(
    "dnsmasq",
    "local=/name/, server=/name/, address=/name/: the name and all below it; server=/name/# allows",
    "local=/x/",
    dnsmasq.read,
    dnsmasq.SIMPLE,
    dnsmasq.SCOPE,
)
UNBOUND = Format(
    "unbound",
    "local-zone: the name and all below it; local-data: that name alone",
    'local-zone: "x" always_null',
    unbound.read,
    unbound.SIMPLE,
    unbound.SCOPE,
    reader=unbound.Reader,
)
RPZ = Format(
    "rpz",
    "a response policy zone: name CNAME . that name alone, *.name CNAME . all below it",
    "x CNAME .",
    rpz.read,
    rpz.SIMPLE,
    rpz.SCOPE,
    rpz.REPLY,
    rpz.Reader,
)
REGEX = Format(
    "regex",
    "one regular expression a line, searched anywhere in the name; Pi-hole's options behind it",
    "^ads?[0-9]*\\.",
    pihole.read,
    pihole.SIMPLE,
    pihole.SCOPE,
)
ADDRESSES = Format(
    "addresses",
    "one address or network a line: every answer that holds it",
    "192.0.2.0/24",
    addresses.read,
    addresses.SIMPLE,
    addresses.SCOPE,
)

FORMATS: dict[str, Format] = {
    one.name: one for one in (HOSTS, DOMAINS, WILDCARD, ADBLOCK, DNSMASQ, UNBOUND, RPZ, REGEX, ADDRESSES, SUBTREES)
}

_OF_ANY_LINE = frozenset({ADBLOCK.name, SUBTREES.name, REGEX.name})


def format_of_line(text: str, usual: Format) -> Format:
    """The format a line is plainly in, whatever the rest of its list is; ``usual`` when its look does not say.

    So a list of names that holds some ``||x^`` lines loses none of them.
    """
    if adblock.looks_so(text) and (usual.name != REGEX.name or text[0] in "|@"):
        return ADBLOCK
    if text[0] == "/":
        return REGEX if usual.name != ADBLOCK.name and pihole.is_delimited(text) else _otherwise(text, usual)
    if usual.name == RPZ.name and rpz.looks_so(text):
        return RPZ
    if dnsmasq.looks_so(text):
        return DNSMASQ
    if unbound.looks_so(text):
        return UNBOUND
    if addresses.looks_so(text):
        return HOSTS if usual.name == HOSTS.name else ADDRESSES
    if hosts.is_hosts_line(text):
        return HOSTS
    if rpz.looks_so(text):
        return RPZ
    if text.startswith("*."):
        return WILDCARD
    return _otherwise(text, usual)


def _otherwise(text: str, usual: Format) -> Format:
    """The format of a line whose look says nothing."""
    name = usual.name
    if name == DNSMASQ.name:
        return usual if "=" in text else DOMAINS
    if name == UNBOUND.name:
        return usual if ":" in text else DOMAINS
    if name == RPZ.name:
        return usual if len(text.split(None, 1)) > 1 else DOMAINS
    return usual if name in _OF_ANY_LINE else DOMAINS
