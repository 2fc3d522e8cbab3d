"""One rule as its owner writes it: in any list format that is about names, in one line.

``ads.example`` that name alone, ``*.ads.example`` and ``||ads.example^`` all below it too, ``@@…`` allows,
``/ads[0-9]+/`` an expression, with Adblock's modifiers or Pi-hole's options behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.lists import pihole
from mirage_hole.lists.formats import ADBLOCK, WILDCARD, format_of_line
from mirage_hole.lists.line import Problem
from mirage_hole.lists.rule import Action, RichRule, Target
from mirage_hole.wire.names import to_text

if TYPE_CHECKING:
    from mirage_hole.lists.line import Findings

MAX_TEXT: Final = 1024
"""Characters of a rule."""
_INSTEAD: Final = "write a name, *.name, ||name^, @@||name^ or /regex/, one rule alone"


class BadRule(ValueError):  # noqa: N818 - reads as what it is at the raise
    """No rule; the message says why and what to write."""


def read_own(text: str) -> RichRule:
    """The rule that a text says.

    Raises:
        BadRule: none, or more than one.
    """
    line = text.strip()
    if not line:
        raise BadRule("a rule is empty; write a name, ||name^ or @@||name^")  # noqa: EM101
    if len(line) > MAX_TEXT:
        message = f"a rule has {len(line)} characters; at most {MAX_TEXT} are read"
        raise BadRule(message)
    if not line.isprintable():
        raise BadRule("a rule holds line breaks or control characters; write one rule a line")  # noqa: EM101
    findings = _read(line)
    problems = [one for one in findings if isinstance(one, Problem)]
    if problems:
        reason = problems[0].reason
        message = f"{line!r}: {reason}" + ("" if "write " in reason else f"; {_INSTEAD}")
        raise BadRule(message)
    if len(findings) != 1:
        what = "is about several names; write one rule for each" if findings else "is no rule"
        message = f"{line!r} {what}"
        raise BadRule(message)
    [one] = findings
    if isinstance(one, RichRule):
        return one._replace(text=line)
    assert not isinstance(one, Problem)
    name, action, scope, reply, important = one
    return RichRule(line, action, Target.NAME, to_text(name), scope, reply=reply, important=important)


def _read(line: str) -> Findings:
    if line[0] == "/" and pihole.is_delimited(line) and "/$" not in line:
        return pihole.read(line, Action.BLOCK, own=True)
    if line.startswith("*."):
        return WILDCARD.read(line, Action.BLOCK)
    return format_of_line(line, ADBLOCK).read(line, Action.BLOCK)
