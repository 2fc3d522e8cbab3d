"""Parts of the API that are rarely asked for and large: loaded when somebody asks, not while DNS begins to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mirage_hole.api.v1.document import Plan
    from mirage_hole.api.v1.lookup import Lookup, Question
    from mirage_hole.api.v1.upstreams import Tested
    from mirage_hole.config.document import Document
    from mirage_hole.config.settled import Endpoint, Settled
    from mirage_hole.runtime.applying import Documents
    from mirage_hole.runtime.lookups import Lookups
    from mirage_hole.runtime.probing import Probing
    from mirage_hole.runtime.state_changes import StateChanges


class LateDocuments:
    """:class:`mirage_hole.runtime.applying.Documents`."""

    def __init__(self, changes: StateChanges, settled: Callable[[], Settled]) -> None:
        self._made: Documents | None = None
        self._changes = changes
        self._settled = settled

    async def export(self, *, accounts: bool) -> Document:
        """All there is."""
        return await self._documents().export(accounts=accounts)

    async def plan(self, data: bytes) -> Plan:
        """What would happen."""
        return await self._documents().plan(data)

    async def apply(self, data: bytes, who: str) -> Plan:
        """Make it so."""
        return await self._documents().apply(data, who)

    def _documents(self) -> Documents:
        from mirage_hole.runtime.applying import Documents

        self._made = self._made or Documents(self._changes, self._settled)
        return self._made


class LateProbing:
    """:class:`mirage_hole.runtime.probing.Probing`."""

    def __init__(self, settled: Callable[[], Settled]) -> None:
        self._made: Probing | None = None
        self._settled = settled

    async def test(self, number: int) -> Tested:
        """Ask the upstream with this index."""
        from mirage_hole.runtime.probing import Probing

        self._made = self._made or Probing(self._settled)
        return await self._made.test(number)


class LateLookups:
    """:class:`mirage_hole.runtime.lookups.Lookups`."""

    def __init__(self, settled: Callable[[], Settled], listen: Callable[[], Sequence[Endpoint]]) -> None:
        self._made: Lookups | None = None
        self._settled = settled
        self._listen = listen

    async def look_up(self, question: Question) -> Lookup:
        """Ask it."""
        from mirage_hole.runtime.lookups import Lookups

        self._made = self._made or Lookups(self._settled, self._listen)
        return await self._made.look_up(question)
