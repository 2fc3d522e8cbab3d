"""Response policy zones (draft-vixie-dnsop-dns-rpz): a policy written as a zone.

The owner is the trigger: a name, ``*.name`` for what is below it, or ``32.7.2.0.192.rpz-ip`` for an address in the answer.
The data is the action: ``CNAME .`` NXDOMAIN, ``CNAME *.`` NODATA, ``CNAME rpz-passthru.`` lets through, ``CNAME rpz-drop.``
answers nothing, and any other record is the answer. What a zone says is done, whatever the block mode is.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from mirage_hole.lists.addresses import rule_about
from mirage_hole.lists.line import Findings, Found, Problem, found
from mirage_hole.lists.local_data import local_data, own_answer
from mirage_hole.lists.masterfile import BadLine, MasterFile, Record
from mirage_hole.lists.rule import Action, Reply, Rewrite, RichRule, Scope
from mirage_hole.lists.spelling import LOCAL_NAMES, read_name
from mirage_hole.wire.codes import RRType
from mirage_hole.wire.names import BadName

SCOPE = Scope.EXACT
REPLY = Reply.NXDOMAIN
SIMPLE = re.compile(
    rb"((?:\*\.)?+(?:[a-z0-9_-]{1,63}+\.)++(?!rpz-)[a-z][a-z0-9_-]{0,62}+)[ \t]++(?:[0-9]{1,10}+[ \t]++)?+(?:IN[ \t]++)?+"
    rb"CNAME[ \t]++\.[ \t\r\n]*+(?:;.*+)?"
)
"""The commonest lines, with the name as group 1; all others go through a :class:`Reader`."""

_LOOKS = re.compile(
    r"\$(?:TTL|ORIGIN|INCLUDE|GENERATE)\s|[^\s;\"]*[.@][^\s;\"]*\s+(?:[0-9]+\w?\s+|IN\s+){0,2}"
    r"(?:CNAME|SOA|NS|AAAA?|A|TXT|MX|SRV|PTR|HTTPS|SVCB|DNAME)\s+\S"
)
_TRIGGERS = frozenset({"rpz-client-ip", "rpz-nsdname", "rpz-nsip"})
_REPLIES = {".": Reply.NXDOMAIN, "*.": Reply.NODATA, "rpz-drop.": Reply.DROP}
_PASSTHRU = "rpz-passthru."
_V4_LABELS = 5  # the prefix length, then four octets


def looks_so(text: str) -> bool:
    """Whether a line is plainly a directive or a record of a zone file."""
    return _LOOKS.match(text) is not None


def read(text: str, action: Action) -> Findings:
    """The rule of one line that stands alone."""
    return Reader().read(text, action)


class Reader:
    """Reads the lines of one zone, in order."""

    __slots__ = ("_file", "_text")

    def __init__(self) -> None:
        self._file = MasterFile()
        self._text = ""

    @property
    def plain(self) -> bool:
        """Whether a line that fits ``SIMPLE`` means what it says, which depends on the lines before."""
        return self._file.at_apex

    def wants(self, text: str) -> bool:
        """Whether a line goes on with the one before, so that its look says nothing."""
        return self._file.open or text[:1].isspace()

    def passed(self, name: bytes) -> None:
        """The name of the last simple line before the next one to read."""
        self._file.stood_before(name.decode("ascii"))

    def end(self) -> Findings:
        """What is wrong when no further line comes."""
        return [Problem("a parenthesis that is never closed", "")] if self._file.open else []

    def read(self, text: str, action: Action) -> Findings:
        """The rule of one line, with the space in front of it."""
        try:
            record = self._file.read(text)
        except BadLine as problem:
            return [Problem(str(problem), text.strip())]
        if record is None or record.owner in LOCAL_NAMES:
            return []
        return _rules(record, action, (text if '"' in text else text.partition(";")[0]).strip())


def _rules(record: Record, action: Action, line: str) -> Findings:
    owner, rrtype, words = record
    if not owner:
        return []  # about the zone itself
    trigger = owner.rpartition(".")[2]
    if trigger == "rpz-ip":
        return [_about_addresses(record, action, line)]
    if trigger in _TRIGGERS:
        return [Problem(f"the trigger {trigger}; only names and rpz-ip are read", line)]
    if owner == "*":
        return [Problem("a wildcard for every name", line)]
    below = owner.startswith("*.")
    name, scope = (owner[2:], Scope.BELOW) if below else (owner, Scope.EXACT)
    if rrtype != "CNAME":
        return [local_data(name, scope, rrtype, " ".join(words), action, line, Reply.NULL)]
    policy = _policy(record, action)
    if isinstance(policy, str):
        return [Problem(policy, line)]
    if policy is None:
        return [_alias(name, scope, words[0], action, line)]
    return [found(name, policy[0], scope, policy[1])]


def _policy(record: Record, action: Action) -> tuple[Action, Reply] | str | None:
    """What a CNAME's target says is done: an action and a reply, what is wrong with it, or None for local data."""
    target = record.words[0].lower()
    if len(record.words) > 1:
        return "a CNAME with several targets"
    if target == _PASSTHRU or target.removesuffix(".") == record.owner:  # the latter is how it was written until 2011
        return Action.ALLOW, Reply.MODE
    if target in _REPLIES:
        return action, _REPLIES[target] if action is Action.BLOCK else Reply.MODE
    if target == "rpz-tcp-only.":
        return "the action rpz-tcp-only; a rule can't send a client to TCP"
    if target.startswith("rpz-"):
        return "a policy that is not known, or one without its final dot"
    return None


def _alias(name: str, scope: Scope, target: str, action: Action, line: str) -> Found | RichRule | Problem:
    """The rule for a name that is another's; of a target ``*.garden.example.`` the asterisk is the name asked for."""
    if not target.startswith("*.") or action is Action.ALLOW:
        return local_data(name, scope, "CNAME", target, action, line)
    try:
        rdata = b"\1*" + read_name(target[2:])
    except BadName as problem:
        return Problem(f"no target: {problem}", line)
    return own_answer(name, scope, Rewrite(0, RRType.CNAME, rdata), line)


def _about_addresses(record: Record, action: Action, line: str) -> Found | RichRule | Problem:
    """The rule for the network that an ``rpz-ip`` name spells."""
    try:
        network = _network(record.owner.split(".")[:-1])
    except ValueError:
        return Problem("a name below rpz-ip that spells no network; 24.0.2.0.192.rpz-ip is 192.0.2.0/24", line)
    if network.prefixlen == 0:
        return Problem("every address there is", line)
    policy = _policy(record, action) if record.rrtype == "CNAME" else None
    if policy is None:
        return Problem("an answer of its own for rpz-ip; only CNAME . *. rpz-drop. rpz-passthru. are read there", line)
    if isinstance(policy, str):
        return Problem(policy, line)
    return rule_about(str(network), policy[0], line, policy[1])


def _network(labels: list[str]) -> IPv4Network | IPv6Network:
    """``24.0.2.0.192`` -> 192.0.2.0/24; ``48.zz.db8.2001`` -> 2001:db8::/48 (``zz`` stands for ``::``).

    Raises:
        ValueError: it is no network, or has host bits.
    """
    length, *groups = labels
    if not length.isdigit() or not length.isascii():
        raise ValueError(length)
    groups.reverse()
    if len(labels) == _V4_LABELS and "zz" not in groups:
        return ip_network(f"{'.'.join(groups)}/{length}")
    address = ":".join("" if group == "zz" else group for group in groups)
    if groups[:1] == ["zz"]:
        address = f":{address}"
    if groups[-1:] == ["zz"]:
        address = f"{address}:"
    if groups == ["zz"]:
        address = "::"
    return ip_network(f"{ip_address(address)}/{length}")
