"""AdGuard Home's own way of matching a pattern, told by the table of its syntax: an oracle for the reading of patterns.

It turns a pattern into a regular expression and searches it in ``http://name``, or in the name where the pattern begins
neither with ``||`` nor with a scheme.
"""

from __future__ import annotations

import re

_SEPARATOR = r"(?:[^ a-zA-Z0-9.%_-]|$)"
_HOST = r"^(?:http|https|ws|wss)://(?:[a-z0-9_.-]+\.)?"


def fits(pattern: str, name: str) -> bool:
    """Whether a rule of AdGuard Home with this pattern, which is no bare name, is about the name."""
    pattern = pattern.lower()
    if pattern.endswith("/*"):
        pattern = pattern.removesuffix("/*") + "^"
    by_url = pattern.startswith(("||", "http://", "https://", "://", "|http://", "|https://"))
    front, rest = "", pattern
    if pattern.startswith("||"):
        front, rest = _HOST, pattern[2:]
    elif pattern.startswith("|"):
        front, rest = "^", pattern[1:]
    back = ""
    if rest.endswith("|"):
        rest, back = rest.removesuffix("|"), "$"
    middle = "".join({"*": ".*", "^": _SEPARATOR}.get(one, re.escape(one)) for one in rest)
    return re.search(front + middle + back, f"http://{name}" if by_url else name) is not None
