r"""What stands behind the ``$`` of a rule in Adblock syntax: the modifiers of AdGuard's DNS filtering, and only those.

Modifiers are parted by commas, values by ``|``; a backslash in front of either takes it literally. Any other modifier drops
the rule, as AdGuard Home does: a rule is never half applied.
"""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.lists.presentation import BadRecord
from mirage_hole.lists.rewrite import read_rewrite
from mirage_hole.lists.rule import EVERY_REWRITE, Action
from mirage_hole.lists.spelling import is_address, printable, read_name
from mirage_hole.wire.codes import RRType
from mirage_hole.wire.names import BadName, to_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.lists.rule import Rewrite

MAX_VALUES = 256
"""Values of a modifier."""
MAX_CLIENT = 64
"""Characters of a client's name."""

_OF_BROWSERS = frozenset({
    "1p", "3p", "all", "app", "cname", "content", "cookie", "csp", "css", "doc", "document", "domain", "ehide",
    "elemhide", "empty", "extension", "first-party", "font", "frame", "from", "genericblock", "generichide", "ghide",
    "header", "hls", "image", "inline-font", "inline-script", "ipaddress", "jsinject", "jsonprune", "match-case",
    "matches-path", "media", "method", "mp4", "network", "noop", "object", "object-subrequest", "other", "path",
    "permissions", "ping", "popunder", "popup", "queryprune", "redirect", "redirect-rule", "referrerpolicy",
    "removeheader", "removeparam", "replace", "rewrite", "script", "shide", "specifichide", "stealth",
    "strict-first-party", "strict-third-party", "strict1p", "strict3p", "stylesheet", "subdocument", "third-party",
    "to", "uritransform", "urlblock", "urltransform", "webrtc", "websocket", "xhr", "xmlhttprequest", "xmlprune",
})  # fmt: skip

_UNNAMED_TYPES = {
    "AFSDB": 18, "SIG": 24, "KEY": 25, "APL": 42, "IPSECKEY": 45, "DHCID": 49, "HIP": 55, "CSYNC": 62, "SPF": 99,
    "NULL": 10, "EUI48": 108, "EUI64": 109, "MD": 3, "MF": 4, "MB": 7, "MG": 8, "MR": 9, "MINFO": 14, "X25": 19,
    "ISDN": 20, "RT": 21, "PX": 26, "GPOS": 27, "KX": 36, "TALINK": 58, "NID": 104, "L32": 105, "L64": 106, "LP": 107,
    "MAILB": 253, "MAILA": 254, "AVC": 258, "DLV": 32769, "TA": 32768,
}  # fmt: skip
"""IANA's types that the program has no other use for."""
_TYPES = {one.name: int(one) for one in RRType if one is not RRType.OPT} | _UNNAMED_TYPES

_TAG = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
_PIECES = {mark: re.compile(rf"(?:[^\\{mark}]|\\.|\\\Z)*+", re.DOTALL) for mark in ",|"}


class BadModifier(ValueError):  # noqa: N818 - reads as what it is at the raise
    """A modifier that drops its rule; the message says why, in a few words."""


class Modifiers(NamedTuple):
    """The modifiers of one rule, by the names of its fields."""

    important: bool = False
    badfilter: bool = False
    types: tuple[int, ...] = ()
    other_types: tuple[int, ...] = ()
    clients: tuple[str, ...] = ()
    other_clients: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    other_tags: tuple[str, ...] = ()
    denyallow: tuple[str, ...] = ()
    rewrite: Rewrite | None = None

    @property
    def narrows(self) -> bool:
        """Whether the rule is about some queries only, so that it may be about very many names."""
        return any(self[2:9])


PLAIN = Modifiers()


def read_modifiers(text: str, action: Action) -> Modifiers:
    r"""``important,dnstype=A|~AAAA`` -> what it says; every tuple sorted, without repetitions.

    Args:
        text: what stands behind the ``$``.
        action: of the rule; only an exception may have ``$dnsrewrite`` without a value.

    Raises:
        BadModifier: an unknown modifier, one twice, or a bad value.
    """
    fields: dict[str, object] = {}
    seen: set[str] = set()
    for piece in _split(text, ","):
        written, equals, value = piece.partition("=")
        name = written.strip().lower()
        if name in seen:
            message = f"the modifier ${name} twice; write its values with |"
            raise BadModifier(message)
        seen.add(name)
        if name in {"important", "badfilter"}:
            if equals:
                message = f"the modifier ${name} has no value"
                raise BadModifier(message)
            fields[name] = True
        elif name == "dnsrewrite":
            fields["rewrite"] = _rewrite(value, action)
        elif name in _READERS:
            kept, others, read = _READERS[name]
            fields[kept], fields[others] = _values(name, value, read)
        else:
            raise BadModifier(_unknown(name))
    if fields.pop("", None):
        raise BadModifier("$denyallow with ~; it names what the rule spares")  # noqa: EM101
    return Modifiers(**fields)  # type: ignore[arg-type]


def unescaped(text: str, marks: str) -> str:
    r"""Without the backslashes in front of any of the marks."""
    return re.sub(rf"\\([{re.escape(marks)}])", r"\1", text) if "\\" in text else text


def _unknown(name: str) -> str:
    if not name:
        return "an empty modifier: nothing behind $ or between two commas"
    bare = name.removeprefix("~")
    if bare in MODIFIERS:
        return f"the modifier ${bare} can't be negated so; its values can"
    if bare in _OF_BROWSERS:
        return f"the modifier ${bare} is for browsers, DNS can't follow it"
    return f"the unknown modifier ${printable(bare, 24)}"


def _split(text: str, mark: str) -> list[str]:
    """Cut at every mark that no backslash stands before."""
    if "\\" not in text:
        return text.split(mark)
    pieces = []
    at = 0
    while True:
        piece = _PIECES[mark].match(text, at)
        assert piece is not None
        pieces.append(unescaped(piece[0], ",") if mark == "," else piece[0])
        at = piece.end() + 1
        if at > len(text):
            return pieces


def _values(name: str, text: str, read: Callable[[str], str | int]) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """The values that are meant, and those that are excepted by ``~``."""
    written = _split(text, "|")
    if len(written) > MAX_VALUES:
        message = f"the modifier ${name} with more than {MAX_VALUES} values"
        raise BadModifier(message)
    kept: set[str | int] = set()
    others: set[str | int] = set()
    for one in written:
        bare = one.strip()
        negated = bare.startswith("~")
        value = bare[1:] if negated else bare
        if not value:
            message = f"the modifier ${name} without a value, or with an empty one"
            raise BadModifier(message)
        (others if negated else kept).add(read(value))
    return tuple(sorted(kept)), tuple(sorted(others))


def _type(value: str) -> int:
    number = _TYPES.get(value.upper())
    if number is None:
        raise BadModifier("$dnstype with an unknown type; write names such as A, AAAA or HTTPS")  # noqa: EM101
    return number


def _client(value: str) -> str:
    """An address or a network in its usual spelling, or the name of a client."""
    quote = value[0]
    if quote in "'\"":
        if len(value) < 3 or value[-1] != quote:
            raise BadModifier("$client with a quotation mark without its other half")  # noqa: EM101
        value = value[1:-1]
    value = unescaped(value, "\"'|,\\")
    try:
        return str(ip_network(value, strict=False)) if "/" in value else str(ip_address(value))
    except ValueError:
        if is_address(value):
            raise BadModifier("$client with a network that has no such prefix") from None  # noqa: EM101
    if len(value) > MAX_CLIENT or not value.isprintable():
        message = f"$client with a name of more than {MAX_CLIENT} characters, or one that can't be printed"
        raise BadModifier(message)
    return value


def _tag(value: str) -> str:
    if _TAG.fullmatch(value) is None:
        raise BadModifier("$ctag with a tag that is not of a-z, 0-9 and _, such as device_tv")  # noqa: EM101
    return value


def _spared(value: str) -> str:
    if "*" in value or value[0] == "/":
        raise BadModifier("$denyallow with a wildcard or an expression; it names whole names")  # noqa: EM101
    try:
        return to_text(read_name(value))
    except BadName as problem:
        message = f"$denyallow with no name: {problem}"
        raise BadModifier(message) from None


def _rewrite(value: str, action: Action) -> Rewrite:
    if not value and action is Action.ALLOW:
        return EVERY_REWRITE
    try:
        return read_rewrite(value)
    except BadRecord as problem:
        raise BadModifier(str(problem)) from None


_READERS: dict[str, tuple[str, str, Callable[[str], str | int]]] = {
    "dnstype": ("types", "other_types", _type),
    "client": ("clients", "other_clients", _client),
    "ctag": ("tags", "other_tags", _tag),
    "denyallow": ("denyallow", "", _spared),
}
"""By modifier: the field of what is meant, that of what is excepted, and what reads a value."""
MODIFIERS = frozenset({"important", "badfilter", "dnsrewrite", *_READERS})
"""Those that are read."""
