"""Addresses and networks, one a line: a response that holds one of them is blocked, whatever name was asked for.

AdGuard Home and blocky look for single addresses so; networks are ours. Addresses that stand for the answers of a blocked
name, or for machines of a home network, are refused in blocklists: they would block what is blocked already, or the LAN.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING

from mirage_hole.lists.line import Findings, Problem
from mirage_hole.lists.rule import Action, RichRule, Scope, Target
from mirage_hole.lists.spelling import is_address

if TYPE_CHECKING:
    from mirage_hole.lists.rule import Reply

SCOPE = Scope.EXACT
SIMPLE = re.compile(rb"(?!)()")
"""No line is about a name."""

WIDEST = {4: 8, 6: 16}
"""The shortest prefix of a network, by the version of IP: a larger one is a slip, not a rule."""

_LOCAL = tuple(
    ip_network(one)
    for one in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
        "224.0.0.0/3", "::/96", "::ffff:0:0/96", "fc00::/7", "fe80::/10", "ff00::/8",
    )
)  # fmt: skip
"""RFC 6890: this host, private use, shared, loopback, link-local, multicast and what is reserved."""

_ALONE = re.compile(r"([0-9A-Fa-f:.]{2,45})(?:/[0-9]{1,3})?(?:\s*[#;].*)?", re.DOTALL)
_COMMENT = re.compile(r"\s*[#;].*", re.DOTALL)
_PORT = re.compile(r"[0-9.]{7,15}:[0-9]{1,5}|\[[^\]]*\]:[0-9]{1,5}")


class BadAddress(ValueError):  # noqa: N818 - reads as what it is at the raise
    """No network that a rule can be about; the message says why, in a few words."""


def looks_so(text: str) -> bool:
    """Whether a line is an address or a network and nothing more."""
    alone = _ALONE.fullmatch(text)
    return alone is not None and is_address(alone[1])


def read(text: str, action: Action) -> Findings:
    """The rule of one line."""
    line = _COMMENT.sub("", text)
    try:
        return [RichRule(line, action, Target.ADDRESS, read_network(line, action))]
    except BadAddress as problem:
        return [Problem(str(problem), line)]


def rule_about(network: str, action: Action, line: str, reply: Reply) -> RichRule:
    """The rule for a network that :func:`read_network` or a policy zone gave."""
    return RichRule(line, action, Target.ADDRESS, network, reply=reply)


def read_network(text: str, action: Action) -> str:
    """``192.0.2.7`` -> ``192.0.2.7/32``; host bits are dropped.

    Raises:
        BadAddress: no address, or one that a rule of this kind must not be about.
    """
    if _PORT.fullmatch(text):
        raise BadAddress("an address with a port; an answer holds only the address")  # noqa: EM101
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise BadAddress("no address and no network such as 192.0.2.0/24") from None  # noqa: EM101
    if action is Action.BLOCK:
        check_blockable(network)
    return str(network)


def check_blockable(network: IPv4Network | IPv6Network) -> None:
    """Refuse what would block far more than a list can mean.

    Raises:
        BadAddress: it would.
    """
    widest = WIDEST[network.version]
    if network.prefixlen < widest:
        message = f"a network wider than /{widest}"
        raise BadAddress(message)
    if any(one.version == network.version and network.overlaps(one) for one in _LOCAL):
        raise BadAddress("an address of blocked answers or of private networks; it would block those")  # noqa: EM101
