"""Trust anchors: the root's, packaged, or those of a file with DS and DNSKEY records (RFC 7958 has the root's for everyone)."""

from __future__ import annotations

import binascii
from typing import Final, NamedTuple

from mirage_hole.dnssec import crypto
from mirage_hole.dnssec.keys import DS, key_tag
from mirage_hole.dnssec.order import ROOT
from mirage_hole.wire.names import BadName, from_text

ROOT_ANCHORS: Final = (
    DS(20326, 8, 2, bytes.fromhex("e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d")),
    DS(38696, 8, 2, bytes.fromhex("683d2d0acb8c9b712a1948b27f741219298d0a450d612c483af444a4c0fb2b16")),
)
"""KSK-2017 and KSK-2024 (https://data.iana.org/root-anchors/root-anchors.xml). The second signs from October 2026 on."""
LOCAL_NAMES: Final = frozenset(
    from_text(name)
    for name in ("corp", "home", "home.arpa", "internal", "intranet", "lan", "local", "localdomain", "private", "test")
)
"""Names that only private networks use (RFC 2606, 6762 appendix G, 8375, and ``.internal``). The root proves that most of them are
not there, which would make a router's answers bogus; no signed answer can be lost by leaving them alone."""
MAX_ANCHORS: Final = 1000
MAX_TEXT: Final = 1 << 20
_SIZES: Final = {1: 20, 2: 32, 4: 48}


class Trust(NamedTuple):
    """Where chains begin, and where nobody looks for any."""

    anchors: dict[bytes, tuple[DS, ...]]
    """By zone, folded wire form."""
    negative: frozenset[bytes] = frozenset()
    """Negative trust anchors (RFC 7646): these names and all below count as unsigned."""


class Mistake(NamedTuple):
    """A line that is no trust anchor."""

    line: int
    """Counted from 1; 0 for the text as a whole."""
    problem: str


ROOT_TRUST: Final = Trust({ROOT: ROOT_ANCHORS})


def read_anchors(text: str) -> tuple[dict[bytes, tuple[DS, ...]], list[Mistake]]:
    """Trust anchors as zone files write them, one a line: ``. IN DS 20326 8 2 E06D…`` or ``example.com. IN DNSKEY 257 3 13 …``.

    Class and TTL may be left out; ``;`` begins a comment. Returns the anchors by zone, and what is wrong, all at once.
    """
    found: dict[bytes, list[DS]] = {}
    if len(text) > MAX_TEXT:
        return {}, [Mistake(0, f"longer than {MAX_TEXT} characters")]
    mistakes = []
    count = 0
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split(";", 1)[0].replace("(", " ").replace(")", " ").split()
        if not words:
            continue
        count += 1
        if count > MAX_ANCHORS:
            mistakes.append(Mistake(number, f"more than {MAX_ANCHORS} trust anchors"))
            break
        try:
            zone, anchor = _anchor(words)
        except (BadName, ValueError) as problem:
            mistakes.append(Mistake(number, str(problem)))
            continue
        found.setdefault(zone, []).append(anchor)
    if not found and not mistakes:
        mistakes.append(Mistake(0, "no trust anchor in it"))
    return {zone: tuple(anchors) for zone, anchors in found.items()}, mistakes


def _anchor(words: list[str]) -> tuple[bytes, DS]:
    zone = from_text(words[0])
    rest = words[1:]
    while rest and (rest[0].upper() == "IN" or rest[0].isdigit()):
        rest = rest[1:]
    kind = rest[0].upper() if rest else ""
    if kind not in {"DS", "DNSKEY"} or len(rest) < 5:
        message = "no trust anchor; write it as `. IN DS 20326 8 2 E06D44B8…` or `. IN DNSKEY 257 3 8 AwEAAa…`"
        raise ValueError(message)
    first, second, third = (_number(word) for word in rest[1:4])
    data = "".join(rest[4:])
    if kind == "DS":
        digest = _decoded(data, "hexadecimal digits")
        if third not in crypto.DIGESTS:
            message = f"digest type {third} is not supported; write 2 (SHA-256) or 4 (SHA-384)"
            raise ValueError(message)
        if len(digest) != _SIZES[third]:
            message = f"a digest of type {third} has {_SIZES[third] * 2} hexadecimal digits, this one {len(digest) * 2}"
            raise ValueError(message)
        anchor = DS(first, second, third, digest)
    else:
        if not first & 0x0100 or first & 0x0080 or second != 3:
            message = "not a zone key in use; a trust anchor's flags are 257 (or 256), its protocol 3"
            raise ValueError(message)
        key = first.to_bytes(2, "big") + bytes((second, third)) + _decoded(data, "base64")
        anchor = DS(key_tag(key), third, 2, crypto.digest_of(zone, key, 2))
    if anchor.algorithm not in crypto.ALGORITHMS:
        message = f"algorithm {anchor.algorithm} is not supported; {sorted(crypto.ALGORITHMS)} are"
        raise ValueError(message)
    return zone, anchor


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) <= 5 and int(word) < 65_536):
        message = f"{word[:20]!r} is no number from 0 to 65535"
        raise ValueError(message)
    return int(word) if int(word) < 65_536 else 0


def _decoded(text: str, how: str) -> bytes:
    try:
        data = bytes.fromhex(text) if how != "base64" else binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        message = f"not {how}: {text[:20]!r}"
        raise ValueError(message) from None
    if not data or len(data) > 2048:
        message = f"{len(data)} octets of key or digest; 1 to 2048 are possible"
        raise ValueError(message)
    return data
