"""Pi-hole's regular expressions, one a line, and blocky's and AdGuard Home's, which stand between slashes.

An expression is searched anywhere in the name, in any case. Options follow behind semicolons (Pi-hole docs, "Regex"):
``;querytype=A,AAAA`` or ``;querytype=!HTTPS``, ``;invert``, and ``;reply=`` with NODATA, NXDOMAIN, REFUSED, NONE (no answer),
IP (what the block mode says), an address or a name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.lists.expression import BadExpression, is_too_wide, read_expression
from mirage_hole.lists.line import Findings, Problem, without_trailing_comment
from mirage_hole.lists.records import read_record
from mirage_hole.lists.rule import Action, Reply, RichRule, Scope, Target
from mirage_hole.lists.spelling import is_address
from mirage_hole.wire.codes import type_number

if TYPE_CHECKING:
    from mirage_hole.lists.rule import Rewrite

SCOPE = Scope.EXACT
SIMPLE = re.compile(rb"(?!)()")
"""No line is about a name."""

MAX_OPTIONS = 8
MAX_TYPES = 32
"""Query types of one expression."""

_DELIMITED = re.compile(r"/(.+)/\s*((?:;.*)?)", re.DOTALL)
_LOOKS = re.compile(
    r"\^|\.[*+]|\((?:\^|\\?\.)|\[[^\]]|.*(?:\\[.dwb]|\[[^\]]+\][-_.*+?{\\]|\([^()]+\)|[\])][*+]|[^$]\$$)"
)
_NOT_SO = re.compile(r"[\s/#\"'=<>@,]|\|\||^\*|:(?!\])(?<!\[:)|\^\|?$|\(\)|\$(?![)|]|$)")
_REPLIES = {
    "NODATA": Reply.NODATA,
    "NXDOMAIN": Reply.NXDOMAIN,
    "REFUSED": Reply.REFUSED,
    "NONE": Reply.DROP,
    "IP": Reply.MODE,
}
_OTHER = "OTHER"
_NAMED_TYPES = ("A", "AAAA", "ANY", "SRV", "SOA", "PTR", "TXT", "NAPTR", "MX", "DS", "RRSIG", "DNSKEY", "NS", "SVCB", "HTTPS")  # fmt: skip
"""Those that Pi-hole knows by name; all others are its type OTHER."""


class BadOption(ValueError):  # noqa: N818 - reads as what it is at the raise
    """An option that can't be read; the message says why, in a few words."""


class Options(NamedTuple):
    """What stands behind an expression."""

    types: tuple[int, ...] = ()
    other_types: tuple[int, ...] = ()
    invert: bool = False
    reply: Reply = Reply.MODE
    rewrites: tuple[Rewrite, ...] = ()


def is_delimited(text: str) -> bool:
    """``/expression/``, with or without Pi-hole's options; with AdGuard's (``$``) it is a rule in Adblock syntax."""
    return text.startswith("/") and _DELIMITED.fullmatch(without_trailing_comment(text)) is not None


def looks_so(text: str) -> bool:
    """Whether a line without slashes can hardly be anything but an expression."""
    expression = text.partition(";")[0]
    if not expression or _NOT_SO.search(expression) or not _LOOKS.match(expression):
        return False
    try:
        read_expression(expression)
    except BadExpression:
        return False
    return True


def read(text: str, action: Action, *, own: bool = False) -> Findings:
    """The rules of one line: several if it gives several answers, which count together.

    Args:
        text: the line.
        action: what an expression of the list does.
        own: a rule of the user's own, who may well mean every name; a list may not.
    """
    text = without_trailing_comment(text)
    delimited = _DELIMITED.fullmatch(text)
    expression, _, behind = text.partition(";")
    if delimited is not None:
        expression, behind = delimited[1], delimited[2].removeprefix(";")
    try:
        subject = read_expression(expression.strip())
        options = read_options(behind)
    except (BadExpression, BadOption) as problem:
        return [Problem(str(problem), text)]
    types, other_types, invert, reply, rewrites = options
    if action is Action.ALLOW and (rewrites or reply is not Reply.MODE):
        return [Problem("a reply of an expression that allows", text)]
    if not own and not types and not other_types and not invert and is_too_wide(subject):
        return [Problem("an expression that nearly every name fits; with ;querytype= it may be one", text, costly=True)]
    rule = RichRule(
        text, action, Target.REGEX, subject, invert=invert, reply=reply, types=types, other_types=other_types
    )
    # A reply beside the rewrite: what is blocked with an answer keeps the place of a block (see local_data.own_answer).
    return [rule._replace(rewrite=one, reply=Reply.NODATA) for one in rewrites] or [rule]


def read_options(text: str) -> Options:
    """``querytype=!A;invert;reply=NODATA``.

    Raises:
        BadOption: the message says why.
    """
    options = Options()
    parts = [part.strip() for part in text.split(";")] if text.strip() else []
    if len(parts) > MAX_OPTIONS:
        message = f"an expression with more than {MAX_OPTIONS} options"
        raise BadOption(message)
    for part in parts:
        name, _, value = part.partition("=")
        name = name.strip().lower()
        if name == "querytype":
            if options.types or options.other_types:
                raise BadOption("an expression with two ;querytype=; write one with commas")  # noqa: EM101
            types, other_types = _types(value)
            options = options._replace(types=types, other_types=other_types)
        elif name == "invert" and not value:
            options = options._replace(invert=True)
        elif name == "reply":
            options = _with_reply(options, value.strip())
        else:
            raise BadOption("an option that is none of ;querytype= ;invert ;reply=")  # noqa: EM101
    if options.rewrites and options.reply is not Reply.MODE:
        raise BadOption("an expression with two replies that exclude each other")  # noqa: EM101
    return options


def _types(value: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The query types that are meant, and those that are not."""
    negated = value.strip().startswith("!")
    names = [one.strip().lstrip("!" if negated else "").upper() for one in value.split(",")]
    if len(names) > MAX_TYPES:
        message = f"an expression with more than {MAX_TYPES} query types"
        raise BadOption(message)
    if _OTHER in names:
        if len(names) > 1:
            raise BadOption("the query type OTHER beside others; it stands alone")  # noqa: EM101
        negated, names = not negated, list(_NAMED_TYPES)
    try:
        numbers = tuple(dict.fromkeys(type_number(one) for one in names))
    except ValueError:
        raise BadOption("a query type that is not known; write A, AAAA, HTTPS or the like, or TYPE65") from None  # noqa: EM101
    return ((), numbers) if negated else (numbers, ())


def _with_reply(options: Options, value: str) -> Options:
    """The options with one more ``;reply=``."""
    reply = _REPLIES.get(value.upper())
    if reply is not None:
        if options.reply is not Reply.MODE:
            raise BadOption("an expression with two replies that exclude each other")  # noqa: EM101
        return options._replace(reply=reply)
    rrtype = ("AAAA" if ":" in value else "A") if is_address(value) else "CNAME"
    try:
        rewrite = read_record(rrtype, value)
    except ValueError:
        raise BadOption("a reply that is no address, no name and none of NODATA NXDOMAIN REFUSED NONE IP") from None  # noqa: EM101
    return options._replace(rewrites=(*options.rewrites, rewrite))
