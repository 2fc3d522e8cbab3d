"""The formats that are read: one registry, used by the parser, by the detection and by whoever lists them for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mirage_hole.lists import adblock, dnsmasq, domains, hosts, unbound, wildcard

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

    from mirage_hole.lists.line import Findings
    from mirage_hole.lists.rule import Action, Scope


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
    """Matches a whole line that means just one rule: ``scope`` and the list's own action for the name in group 1."""
    scope: Scope


HOSTS = Format("hosts", "an address, then names: each name alone", "0.0.0.0 x", hosts.read, hosts.SIMPLE, hosts.SCOPE)
DOMAINS = Format("domains", "one name a line: that name alone", "x", domains.read, domains.SIMPLE, domains.SCOPE)
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
    "local-zone: the name and all below it; local-data with 0.0.0.0: that name alone",
    'local-zone: "x" always_null',
    unbound.read,
    unbound.SIMPLE,
    unbound.SCOPE,
)

FORMATS: dict[str, Format] = {one.name: one for one in (HOSTS, DOMAINS, WILDCARD, ADBLOCK, DNSMASQ, UNBOUND)}


def format_of_line(text: str, usual: Format) -> Format:
    """The format a line is plainly in, whatever the rest of its list is; ``usual`` when its look does not say.

    So a list of names that holds some ``||x^`` lines loses none of them.
    """
    if text.startswith(("|", "@@")):
        return ADBLOCK
    if text.startswith("*."):
        return WILDCARD
    if dnsmasq.looks_so(text):
        return DNSMASQ
    if unbound.looks_so(text):
        return UNBOUND
    if hosts.is_hosts_line(text):
        return HOSTS
    if (usual.name == DNSMASQ.name and "=" in text) or (usual.name == UNBOUND.name and ":" in text):
        return usual
    return ADBLOCK if usual.name == ADBLOCK.name else DOMAINS
