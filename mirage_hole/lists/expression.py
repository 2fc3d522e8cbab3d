"""Regular expressions as lists write them, made ready for RE2, which searches in linear time whatever the expression is.

Pi-hole's expressions are POSIX extended ones (TRE), AdGuard Home's and blocky's are Go's, dnsmasq's patch has PCRE. What
they share RE2 reads; what RE2 lacks is refused with a word for it, and nothing is approximated.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_EXPRESSION = 1024
"""Characters; longer ones are lists of names in disguise."""
MAX_SIZE = 1500
"""Characters and classes of an expression whose {m,n} are written out, as RE2 does; some milliseconds at most."""

_MEMORY = 1 << 19  # octets that RE2 may use while it compiles one; a larger program fails at once

_TOKEN = re.compile(
    r"""
      (?P<escape> \\[xpP]\{[^}]*\} | \\. | \\$ )
    | (?P<class> \[ \^? \]? (?: \[:\^?[a-z]*:\] | \\. | [^\]\\] )* \] )
    | (?P<group> \( (?: \?[^:)]? )? )
    | (?P<brace> \{[^{}]*\}? )
    | (?P<close> \) )
    | (?P<plain> [^\\\[({)]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_COUNTED = re.compile(r"\{(?:[0-9]+(?:,[0-9]*)?|,[0-9]+)\}")
_POSSESSIVE = re.compile(r"[*+?]\+")
_COLLATING = re.compile(r"\[[.=]")
_UNICODE = "a class of Unicode (names are ASCII)"
_UNICODE_CLASS = re.compile(r"(?<!\\)\\[pP]")
_URL = re.compile(r":\\?/\\?/")
_CHOICE = frozenset("[|?*{(")  # without these a slash in an expression is one that must be there
_GROUPS = {
    "(?#": "a comment in it; leave it out",
    "(?=": "look-around",
    "(?!": "look-around",
    "(?<": "look-around",
    "(?>": "an atomic group",
    "(?(": "a condition in it",
    "(?R": "a recursion",
    "(?&": "a recursion",
    "(?|": "a branch reset",
}
_NAMED = re.compile(r"\(\?P?<[A-Za-z_]\w*>")
# Names with hardly a character in common: what fits all of them fits nearly every name.
_UNLIKE = (b"q.x", b"70.19.4826", b"-_.-_-.__-_")


class BadExpression(ValueError):  # noqa: N818 - it says what is bad
    """No expression that RE2 can search for; the message says why, in a few words."""


def read_expression(text: str) -> str:
    """The expression as RE2 takes it, for a search in a lower-case name; case is folded, as every resolver has it.

    Raises:
        BadExpression: the message says why.
    """
    if not text:
        raise BadExpression("an expression without anything in it")  # noqa: EM101
    if len(text) > MAX_EXPRESSION:
        message = f"an expression of more than {MAX_EXPRESSION} characters"
        raise BadExpression(message)
    if not text.isascii():
        raise BadExpression("an expression with letters beyond ASCII; names are searched as xn--…")  # noqa: EM101
    if _URL.search(text):
        raise BadExpression("an expression about a URL, DNS sees only names")  # noqa: EM101
    if "/" in text and _CHOICE.isdisjoint(text):
        raise BadExpression("an expression with a slash, which is in no name")  # noqa: EM101
    expression = "".join(_translated(text))
    if expression != expression.lower() and _has_capitals(expression):
        expression = f"(?i){expression}"
    _compiled(expression)
    return expression


def is_too_wide(expression: str) -> bool:
    """Whether what :func:`read_expression` gave fits nearly every name there is."""
    compiled = _compiled(expression)
    return all(compiled.search(name) is not None for name in _UNLIKE)


def _translated(text: str) -> Iterator[str]:
    """The pieces of an expression, in RE2's spelling.

    Raises:
        BadExpression: one has none.
    """
    size = _Size()
    for token in _TOKEN.finditer(text):
        piece = token[0]
        kind = token.lastgroup
        refusal = None
        if kind == "escape":
            refusal = _of_escape(piece)
        elif kind == "class":
            refusal = _of_class(piece)
            piece = piece.replace("upper:]", "lower:]")  # names are lower-case; RE2 folds no named class
        elif kind == "group":
            refusal = _of_group(text, token.start())
        elif kind == "brace":
            if not _COUNTED.fullmatch(piece):
                raise BadExpression("an expression with braces that are no {m,n}; approximate matching is not read")  # noqa: EM101
            low, _, high = piece[1:-1].partition(",")
            piece = piece if low else f"{{0,{high}}}"
            size.repeat(int((high or low)[:5]))
        elif kind == "plain" and _POSSESSIVE.search(piece):
            refusal = "a possessive quantifier"
        if refusal is not None:
            message = f"an expression with {refusal}; it is not read"
            raise BadExpression(message)
        size.add(kind, len(piece))
        yield piece


class _Size:
    """How large an expression is once its repetitions are written out."""

    __slots__ = ("_groups", "_last")

    def __init__(self) -> None:
        self._groups = [0]  # of each open parenthesis
        self._last = 0  # of what a quantifier would be about

    def add(self, kind: str | None, length: int) -> None:
        """One more piece."""
        if kind == "group":
            self._groups.append(0)
        elif kind == "close":
            if len(self._groups) > 1:
                self._last = self._groups.pop() + 1
                self._grow(self._last)
        elif kind != "brace":
            self._last = 1
            self._grow(length if kind == "plain" else 1)

    def repeat(self, times: int) -> None:
        """The last piece again and again."""
        self._grow(self._last * (max(times, 1) - 1))
        self._last *= max(times, 1)

    def _grow(self, by: int) -> None:
        self._groups[-1] += by
        if self._groups[-1] > MAX_SIZE:
            raise BadExpression("an expression that is too large")  # noqa: EM101


def _of_escape(piece: str) -> str | None:
    if piece[1:2].isdigit() and piece[1] != "0":
        return "a back-reference"
    if piece in {"\\k", "\\g"}:
        return "a back-reference"
    if piece in {"\\<", "\\>"}:
        return "\\< or \\> (write \\b)"
    return _UNICODE if piece[:2] in {"\\p", "\\P"} else None


def _of_class(piece: str) -> str | None:
    if _COLLATING.search(piece, 1):
        return "a collating element [. .] or [= =]"
    return _UNICODE if _UNICODE_CLASS.search(piece) else None


def _of_group(text: str, at: int) -> str | None:
    if _NAMED.match(text, at):
        return None
    return _GROUPS.get(text[at : at + 3])


def _has_capitals(expression: str) -> bool:
    """Whether letters are written large, escapes aside."""
    return any(token.lastgroup != "escape" and token[0] != token[0].lower() for token in _TOKEN.finditer(expression))


@lru_cache(maxsize=8)
def _compiled(expression: str) -> Any:
    import re2  # here: most lists have no expressions

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY
    options.encoding = re2.Options.Encoding.LATIN1  # a name is octets
    try:
        return re2.compile(expression.encode("ascii"), options)
    except re2.error as problem:
        said = problem.args[0] if problem.args else ""
        reason = (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)).partition(":")[0]
        if "too large" in reason:
            raise BadExpression("an expression that is too large") from None  # noqa: EM101
        message = f"an expression that RE2 refuses: {reason}"
        raise BadExpression(message) from None
