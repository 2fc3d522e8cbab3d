"""Routes: which group of upstreams is asked for which names (conditional forwarding, split DNS, reverse zones)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT: Final = 0
"""The number of the group for everything else."""


class Routes:
    """Domains to numbers of groups; the longest domain that a name is in decides. False when there are none."""

    __slots__ = ("_by_domain", "unqualified")

    def __init__(self, by_domain: Mapping[bytes, int] | None = None, unqualified: int | None = None) -> None:
        """``by_domain``: folded wire form, a whole subtree each; ``unqualified``: the group for names of one label."""
        self._by_domain = dict(by_domain or {})
        self.unqualified = unqualified

    @property
    def domains(self) -> Mapping[bytes, int]:
        """The domains that have a route, and the number of its group."""
        return self._by_domain

    def of(self, name: bytes, labels: tuple[int, ...]) -> int:
        """The number of the group that is asked for a name."""
        number = self._routed(name, labels)
        return DEFAULT if number is None else number

    def is_conditional(self, name: bytes, labels: tuple[int, ...]) -> bool:
        """Whether a route was written for this name.

        Such names are the user's own world: their answers may lead to private addresses, need no signatures, and are asked
        for even where they are of special use. A route for the root is for everybody's names and makes none conditional.
        """
        if not self._by_domain and self.unqualified is None:
            return False
        return self._routed(name, labels, root=False) is not None

    def _routed(self, name: bytes, labels: tuple[int, ...], *, root: bool = True) -> int | None:
        by_domain = self._by_domain
        for at in labels:
            number = by_domain.get(name[at:] if at else name)
            if number is not None:
                return number
        if len(labels) == 1 and self.unqualified is not None:
            return self.unqualified
        return by_domain.get(b"\0") if root else None

    def __bool__(self) -> bool:
        return bool(self._by_domain) or self.unqualified is not None
