"""dnsmasq's configuration, as far as it says what is answered: ``local=/x/``, ``server=/x/``, ``address=/x/`` and local data.

Each of the three stands for x and every name below it (dnsmasq(8)), and one line may name several; ``/:expression:/`` is what
the regex patch adds. ``server=/x/#`` sends a name to the usual servers all the same, so it is an exception and allows. What
blocked names are answered is the block mode's to say: publishers write one list with ``local=`` and ``address=/x/0.0.0.0``
alike. A real address, ``host-record=`` and ``cname=`` are answers of the name's own. Other servers are a complaint.
"""

from __future__ import annotations

import re

from mirage_hole.lists.expression import is_too_wide, read_expression
from mirage_hole.lists.line import Findings, Found, Problem, found, without_trailing_comment
from mirage_hole.lists.local_data import local_data
from mirage_hole.lists.records import read_record
from mirage_hole.lists.rule import Action, Reply, RichRule, Scope, Target
from mirage_hole.lists.spelling import SINKHOLES, is_address

SCOPE = Scope.SUBTREE
SIMPLE = re.compile(
    rb"(?:local|server|address)=/((?:[a-z0-9_-]{1,63}+\.)++[a-z][a-z0-9_-]{0,62}+)/[ \t\r\n]*+(?:(?<=[ \t])#.*+)?"
)
"""The commonest lines, with the name as group 1; all others go through :func:`read`."""

MAX_NAMES = 64
"""Names a line; publishers that gather many write a few dozen."""

_LINE = re.compile(r"(local|server|address)=/(.*)/([^/]*)", re.IGNORECASE)
_DATA = re.compile(r"(host-record|cname)=(.*)", re.IGNORECASE)
_STARTS = ("local=/", "server=/", "address=/", "host-record=", "cname=")


def looks_so(text: str) -> bool:
    """Whether a line is plainly in this format."""
    return text[:12].lower().startswith(_STARTS)


def read(text: str, action: Action) -> Findings:
    """The rules of one line."""
    line = without_trailing_comment(text)
    data = _DATA.fullmatch(line)
    if data is not None:
        words = [word.strip() for word in data[2].split(",")]
        if len(words) > MAX_NAMES:
            return [Problem(f"more than {MAX_NAMES} names on a line", line)]
        return (_host_record if data[1].lower() == "host-record" else _cname)(words, action, line)
    taken = _LINE.fullmatch(line)
    if taken is None:
        return [Problem("a dnsmasq line that is none of local=/x/ server=/x/ address=/x/ host-record= cname=", text)]
    option, names, value = taken[1].lower(), taken[2].split("/"), taken[3].strip()
    problem = _problem(option, names, value)
    if problem is not None:
        return [Problem(problem, line)]
    if option == "server" and value == "#":
        action = Action.ALLOW
    address = value if option == "address" and value not in {"", "#"} else ""
    return [_rule(name.strip(), address, action, line) for name in names]


def _problem(option: str, names: list[str], value: str) -> str | None:
    if len(names) > MAX_NAMES:
        return f"more than {MAX_NAMES} names on a line"
    if option == "address":
        return None if value in {"", "#"} or is_address(value) else "a dnsmasq address= that ends in no address"
    if value == "" or (value == "#" and option == "server"):
        return None
    return "a dnsmasq line that sends names to a server of their own; that is for the configuration, not for a list"


def _rule(name: str, address: str, action: Action, line: str) -> Found | RichRule | Problem:
    if name in {"", "#"}:
        return Problem("no name: it would be about every name, or every one without a dot", name or "//")
    if len(name) > 1 and name[0] == name[-1] == ":":
        return _expression(name[1:-1], address, action, line)
    if name.startswith("*") and not name.startswith("*."):
        return Problem("a dnsmasq wildcard; write the name, which stands for all below it as well", name)
    name = name.removeprefix("*").removeprefix(".")
    if address:
        return local_data(name, SCOPE, "AAAA" if ":" in address else "A", address, action, line)
    return found(name, action, SCOPE)


def _expression(text: str, address: str, action: Action, line: str) -> RichRule | Problem:
    try:
        subject = read_expression(text)
        if is_too_wide(subject):
            return Problem("an expression that nearly every name fits", line, costly=True)
        rewrite = None
        if address and address not in SINKHOLES and action is Action.BLOCK:
            rewrite = read_record("AAAA" if ":" in address else "A", address)
    except ValueError as problem:
        return Problem(str(problem), line)
    reply = Reply.MODE if rewrite is None else Reply.NODATA
    return RichRule(line, action, Target.REGEX, subject, reply=reply, rewrite=rewrite)


def _host_record(words: list[str], action: Action, line: str) -> Findings:
    """``NAME[,NAME…],ADDRESS[,ADDRESS][,TTL]``: each name alone."""
    if words[-1].isdigit():
        words = words[:-1]
    names = [word for word in words if not is_address(word)]
    addresses = words[len(names) :]
    if not names or not addresses or not all(map(is_address, addresses)) or len(addresses) > 2:
        return [Problem("a host-record= that is not names, then an address or two", line)]
    return [
        local_data(name, Scope.EXACT, "AAAA" if ":" in address else "A", address, action, line)
        for name in names
        for address in addresses
    ]


def _cname(words: list[str], action: Action, line: str) -> Findings:
    """``NAME[,NAME…],TARGET[,TTL]``: each name alone, ``*.NAME`` what is below it."""
    if words[-1].isdigit():
        words = words[:-1]
    if len(words) < 2:
        return [Problem("a cname= without a target", line)]
    *names, target = words
    return [
        local_data(
            name.removeprefix("*."),
            Scope.BELOW if name.startswith("*.") else Scope.EXACT,
            "CNAME",
            target,
            action,
            line,
        )
        for name in names
    ]
