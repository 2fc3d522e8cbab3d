"""Says what a line seems to be that is no rule for us, so that the complaint helps its reader."""

from __future__ import annotations

import re

from mirage_hole.lists.line import without_comment
from mirage_hole.lists.spelling import is_address

_COSMETIC = re.compile(r"(?:^|\S)(?:#[@?$%]{0,3}#|\$@?\$)(?=[^\s#])")

_PORT = re.compile(r"(?<=[0-9.]{7}):[0-9]{1,5}$")

_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a dnsmasq line", re.compile(r"(?:local|address|server|host-record|cname|ipset|nftset)=", re.IGNORECASE)),
    ("an unbound line", re.compile(r"(?:local-zone|local-data|local-data-ptr|server|private-domain):", re.IGNORECASE)),
    ("a BIND zone statement", re.compile(r"zone\s+[\"']", re.IGNORECASE)),
    (
        "a line of a zone file",
        re.compile(
            r"\$(?:TTL|ORIGIN|INCLUDE)\b|\S+\s+(?:\d+\w?\s+)?(?:IN\s+)?(?:CNAME|SOA|NS|A|AAAA|TXT)\s+\S", re.IGNORECASE
        ),
    ),
    ("a range of addresses; write networks such as 192.0.2.0/24", re.compile(r"[0-9.]{7,15}\s*-\s*[0-9.]{7,15}$")),
    ("HTML, not a list", re.compile(r"<[a-z!/?]", re.IGNORECASE)),
    ("a URL; write the host name alone", re.compile(r"[a-z][a-z0-9+.-]{1,20}://", re.IGNORECASE)),
    ("JSON, not a list", re.compile(r"[{\[]\s*[\"{\[]?|\"[^\"]*\"\s*:")),
    (
        "a regular expression; write /expression/, or say that the list's format is regex",
        re.compile(r"/.+/$|.*[\\()^$+?|]"),
    ),
    ("a name with a leading dot; for it and all below write ||name^", re.compile(r"\.[A-Za-z0-9_-]")),
    ("a wildcard inside a name; only *.name and ||name^ are read", re.compile(r"[^\s#]*\*")),
)


def seems(text: str) -> str | None:
    """What a line that should be a plain name seems to be instead; None when it may well be a name."""
    if is_cosmetic(text):
        return "a cosmetic filter: it hides parts of a page, DNS can't"
    bare = without_comment(text).strip()
    if is_address(_PORT.sub("", bare.partition(" ")[0])):
        return "an address with something behind it; rules are about addresses and networks alone"
    return next((reason for reason, pattern in _KINDS if pattern.match(bare)), None)


def is_cosmetic(text: str) -> bool:
    """``example.com##.banner``, ``##.ad``, ``#@#.ad``, ``example.com#?#…``, ``$$script``; not ``name ## comment``."""
    return ("#" in text or "$" in text) and _COSMETIC.search(text) is not None
