"""What must hold beside a rule's subject: query type, who asks, and names that it spares (``dnstype client ctag denyallow``).

As in urlfilter ``rules/network.go``: what is excluded is looked at first; then, if anything is named at all, it must be
among that. All conditions must hold.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from mirage_hole.policy.networks import Networks
from mirage_hole.wire.names import from_text

if TYPE_CHECKING:
    from mirage_hole.lists.rule import RichRule
    from mirage_hole.policy.clients import Client


class Unmet(IntEnum):
    """The condition that keeps a rule from applying."""

    TYPE = 0
    CLIENT = 1
    TAG = 2
    SPARED = 3
    """``$denyallow`` names the name or one above it."""
    ANSWER = 4
    """A rule with ``$denyallow`` is not about addresses of answers (AdGuard Home issue 3175)."""


class Conditions:
    """The conditions of one rule. Immutable."""

    __slots__ = ("_clients", "_not_clients", "_not_tags", "_not_types", "_spared", "_tags", "_types")

    def __init__(self, rule: RichRule) -> None:
        """Raises ValueError when a name that is spared is none."""
        self._types = frozenset(rule.types)
        self._not_types = frozenset(rule.other_types)
        self._clients = _Meant(rule.clients) if rule.clients else None
        self._not_clients = _Meant(rule.other_clients) if rule.other_clients else None
        self._tags = frozenset(rule.tags)
        self._not_tags = frozenset(rule.other_tags)
        self._spared = frozenset(map(from_text, rule.denyallow))

    def unmet(self, name: bytes, labels: tuple[int, ...], qtype: int, client: Client) -> Unmet | None:
        """The first condition that does not hold; None when all do."""
        if qtype in self._not_types or (self._types and qtype not in self._types):
            return Unmet.TYPE
        if self._not_clients is not None and self._not_clients.means(client):
            return Unmet.CLIENT
        if self._clients is not None and not self._clients.means(client):
            return Unmet.CLIENT
        if self._not_tags and not self._not_tags.isdisjoint(client.tags):
            return Unmet.TAG
        if self._tags and self._tags.isdisjoint(client.tags):
            return Unmet.TAG
        if self._spared and any(name[offset:] in self._spared for offset in labels):
            return Unmet.SPARED
        return None

    def unmet_by_address(self, rrtype: int, client: Client) -> Unmet | None:
        """The same for an address in a record of an answer."""
        return Unmet.ANSWER if self._spared else self.unmet(b"", (), rrtype, client)


def conditions_of(rule: RichRule) -> Conditions | None:
    """The conditions of a rule; None when it has none.

    Raises:
        ValueError: a name that is spared is none.
    """
    if (
        rule.types
        or rule.other_types
        or rule.clients
        or rule.other_clients
        or rule.tags
        or rule.other_tags
        or rule.denyallow
    ):
        return Conditions(rule)
    return None


class _Meant:
    """Clients as a rule names them: addresses, networks, and names of the configuration."""

    __slots__ = ("_names", "_networks")

    def __init__(self, texts: tuple[str, ...]) -> None:
        networks, names = [], []
        for text in texts:
            try:
                Networks([(text, None)])
            except ValueError:
                names.append(text.casefold())
            else:
                networks.append((text, None))
        self._names = frozenset(names)
        self._networks: Networks[None] | None = Networks(networks) if networks else None

    def means(self, client: Client) -> bool:
        if not self._names.isdisjoint(client.names):
            return True
        return self._networks is not None and client.address != b"" and self._networks.holds(client.address)
