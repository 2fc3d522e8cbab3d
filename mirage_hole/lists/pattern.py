"""The pattern of a rule in Adblock syntax: which names it is about, or which addresses of answers.

AdGuard Home compares patterns with the name, or with ``http://name`` when they begin with ``||`` or ``://``. What that comes
to for a name is worked out here once, so that ``||*.x^``, ``*.x^`` and ``.x^`` are one rule about what is below x.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.lists.addresses import BadAddress, read_network
from mirage_hole.lists.rule import Scope, Target
from mirage_hole.lists.spelling import is_address, printable, read_name
from mirage_hole.wire.names import MAX_NAME, BadName, to_text

if TYPE_CHECKING:
    from mirage_hole.lists.rule import Action

MIN_LITERAL = 3
"""Characters, ``*`` and anchors aside, that a pattern needs; AdGuard Home refuses shorter ones as too wide as well. A rule
that is about some clients, types or all names but a few may be as wide as it likes."""
MAX_WILDCARDS = 8
"""Asterisks a pattern. Lists in use have one or two; ten thousand patterns with a hundred each would take a tenth of a
second of every query for a name that is made to fit."""

_START = re.compile(r"\|?http://|\*?://")
_OTHER_SCHEME = re.compile(r"\|{0,2}\*?[a-z][a-z0-9+.-]{0,20}://")
_SLASHED = re.compile(r"/([a-z0-9.-]{2,}\.)")  # AdGuard Home compares these alone of those with a slash with a URL
_PART = re.compile(r"[a-z0-9_.*-]++")
_FRONT = re.compile(r"(\|\|?|\^)?(\**)")
_TAIL = re.compile(r"(\**)(\^?\**\|?)")
_STARS = re.compile(r"\*{2,}+")
_OCTETS = re.compile(r"((?:[0-9]{1,3}\.){2,3})\*?")


class BadPattern(ValueError):  # noqa: N818 - it says what is bad
    """A pattern that no name can match, or too many; the message says why, in a few words."""


class Subject(NamedTuple):
    """What a rule is about, as :class:`mirage_hole.lists.rule.RichRule` holds it."""

    target: Target
    text: str
    scope: Scope = Scope.EXACT


EVERY_NAME = Subject(Target.NAME, ".", Scope.SUBTREE)


class _Parts(NamedTuple):
    front: str  # "||", "|" or ""
    body: str  # no * at either end
    ends: bool

    @property
    def text(self) -> str:
        return f"{self.front}{self.body}{'^' if self.ends else ''}"


def read_pattern(text: str, action: Action, *, narrowed: bool = False) -> Subject:
    """``||ads*.example^`` -> what it is about.

    Args:
        text: the pattern, without ``@@`` and modifiers; no regular expression.
        action: of the rule; a block of the addresses of a home network is refused.
        narrowed: other conditions make the rule narrow, so it may be about every name.

    Raises:
        BadPattern: the message says why.
    """
    pattern = _without_url(text.strip().lower())
    address = _address(pattern, action)
    if address is not None:
        return address
    if "/" in pattern:
        raise BadPattern("a rule about a path, DNS sees only names")  # noqa: EM101
    parts = _taken_apart(pattern)
    if parts is None:
        if narrowed:
            return EVERY_NAME
        raise BadPattern("a pattern too wide: every name would match")  # noqa: EM101
    if "*" not in parts.body:
        name = _name(parts, bare=parts.text == pattern)
        if name is not None:
            return name
    _check(parts, narrowed=narrowed)
    return Subject(Target.PATTERN, parts.text)


def _without_url(pattern: str) -> str:
    """A pattern that speaks of ``http://name/`` as one that speaks of the name."""
    start = _START.match(pattern)
    if start is not None:
        pattern = "|" + pattern[start.end() :].lstrip("|")
    elif _OTHER_SCHEME.match(pattern):
        raise BadPattern("a rule about a URL, DNS sees only names; write |name^")  # noqa: EM101
    elif (slashed := _SLASHED.fullmatch(pattern)) is not None:
        pattern = "|" + slashed[1]
    for end in ("/*", "/|", "/"):
        if len(pattern) > len(end) and pattern.endswith(end) and not pattern.startswith("/"):
            return pattern.removesuffix(end).removesuffix("^") + "^"
    return pattern


def _address(pattern: str, action: Action) -> Subject | None:
    """``||192.0.2.1^``, ``||192.0.2.0/24^``, ``|192.0.2.*``: the addresses of answers. Networks are an extension of ours."""
    bare = pattern.lstrip("|").rstrip("|").removesuffix("^")
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1]
    octets = _OCTETS.fullmatch(bare) if pattern[:1] == "|" else None
    if octets is not None:
        known = octets[1].count(".")
        bare = f"{octets[1]}{'.'.join('0' * (4 - known))}/{8 * known}"
    if not is_address(bare):
        return None
    try:
        return Subject(Target.ADDRESS, read_network(bare, action))
    except BadAddress as problem:
        raise BadPattern(str(problem)) from None


def _taken_apart(pattern: str) -> _Parts | None:
    """Anchors and body; None when there is no body."""
    rest = pattern.lstrip("|^*")
    body = rest.rstrip("|^*")
    if not body:
        return None
    front = _FRONT.fullmatch(pattern[: len(pattern) - len(rest)])
    tail = _TAIL.fullmatch(rest[len(body) :])
    if front is None or tail is None:
        raise BadPattern("a | or ^ where no name begins or ends")  # noqa: EM101
    anchor = "" if front[2] or not front[1] else front[1].replace("^", "|")
    return _Parts(anchor, _STARS.sub("*", body), bool(tail[2]) and not tail[1])


def _name(parts: _Parts, *, bare: bool) -> Subject | None:
    """A pattern that stands for a name and what is at or below it; None when it does not."""
    front, body, ends = parts
    scope = {"||": Scope.SUBTREE, "|": Scope.EXACT}.get(front)
    if not ends and not front and bare and not _is_piece(body):
        scope = Scope.EXACT
    elif not ends:
        return None
    if scope is None and body[0] == ".":
        body, scope = body[1:], Scope.BELOW
    if scope is None:
        return None
    try:
        return Subject(Target.NAME, to_text(read_name(body)), scope)
    except BadName as problem:
        raise BadPattern(str(problem)) from None


def _is_piece(bare: str) -> bool:
    """Whether something without any anchor is no name but a piece of names: ``.ads.``, ``ads.``."""
    return bare[0] == "." or (bare[-1] == "." and bare.count(".") == 1)


def _check(parts: _Parts, *, narrowed: bool) -> None:
    front, body, ends = parts
    if _PART.fullmatch(body) is None:
        if "^" in body or "|" in body:
            raise BadPattern("a | or ^ where no name begins or ends")  # noqa: EM101
        if not body.isascii():
            raise BadPattern("a pattern with letters beyond ASCII; write them as xn--…")  # noqa: EM101
        odd = next(one for one in body if _PART.fullmatch(one) is None)
        message = f"a pattern may hold letters, digits, hyphens, underscores, dots and *, not {printable(odd)!r}"
        raise BadPattern(message)
    if len(body) > MAX_NAME:
        raise BadPattern("longer than any domain name")  # noqa: EM101
    if ".." in body or (front and body[0] == ".") or (ends and body[-1] == "."):
        raise BadPattern("an empty label: no name can match")  # noqa: EM101
    if body.count("*") > MAX_WILDCARDS:
        message = f"a pattern with more than {MAX_WILDCARDS} wildcards"
        raise BadPattern(message)
    literal = body.replace("*", "")
    if not literal.strip(".") or (len(literal) < MIN_LITERAL and not narrowed):
        message = f"a pattern too wide; it needs {MIN_LITERAL} characters, or $client, $ctag, $dnstype or $denyallow"
        raise BadPattern(message)
