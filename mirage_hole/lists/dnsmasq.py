"""dnsmasq's configuration, as far as it blocks: ``local=/x/``, ``server=/x/``, ``address=/x/``.

Each stands for x and every name below it (dnsmasq(8)), and one line may name several. ``server=/x/#`` sends a name to the
usual servers all the same, so it is an exception and allows. What blocked names are answered is the block mode's to say:
publishers write one list with ``local=`` and ``address=/x/0.0.0.0`` alike. A line that gives an answer of its own or another
server is a complaint.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mirage_hole.lists.line import Findings, Problem, found, without_trailing_comment
from mirage_hole.lists.rule import Action, Scope
from mirage_hole.lists.spelling import SINKHOLES

if TYPE_CHECKING:
    from mirage_hole.lists.line import Found

SCOPE = Scope.SUBTREE
SIMPLE = re.compile(
    rb"(?:local|server|address)=/((?:[a-z0-9_-]{1,63}+\.)++[a-z][a-z0-9_-]{0,62}+)/[ \t\r\n]*+(?:(?<=[ \t])#.*+)?"
)
"""The commonest lines, with the name as group 1; all others go through :func:`read`."""

MAX_NAMES = 64
"""Names a line; publishers that gather many write a few dozen."""

_LINE = re.compile(r"(local|server|address)=/(.*)/([^/]*)", re.IGNORECASE)


def looks_so(text: str) -> bool:
    """Whether a line is plainly in this format."""
    return text[:9].lower().startswith(("local=/", "server=/", "address=/"))


def read(text: str, action: Action) -> Findings:
    """The rules of one line."""
    line = without_trailing_comment(text)
    taken = _LINE.fullmatch(line)
    if taken is None:
        return [Problem("a dnsmasq line that is not local=/x/, server=/x/ or address=/x/", text)]
    option, names, value = taken[1].lower(), taken[2].split("/"), taken[3].strip()
    problem = _problem(option, names, value)
    if problem is not None:
        return [Problem(problem, line)]
    if option == "server" and value == "#":
        action = Action.ALLOW
    return [_found(name.strip(), action) for name in names]


def _problem(option: str, names: list[str], value: str) -> str | None:
    if len(names) > MAX_NAMES:
        return f"more than {MAX_NAMES} names on a line"
    if option == "address":
        if value in {"", "#"} or value in SINKHOLES:
            return None
        return "a dnsmasq line that gives a name an address; only what blocks is read"
    if value == "" or (value == "#" and option == "server"):
        return None
    return "a dnsmasq line that sends names to a server of their own; only what blocks is read"


def _found(name: str, action: Action) -> Found | Problem:
    if name in {"", "#"}:
        return Problem("no name: it would be about every name, or every one without a dot", name or "//")
    if name.startswith("*") and not name.startswith("*."):
        return Problem("a dnsmasq wildcard; write the name, which stands for all below it as well", name)
    return found(name.removeprefix("*").removeprefix("."), action, SCOPE)
