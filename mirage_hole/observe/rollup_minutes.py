"""The minutes that are being counted, until somebody takes them to be kept."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from mirage_hole.observe.record import NO_UPSTREAM
from mirage_hole.observe.rollup import BOUNDS, BUCKET_BITS, BUCKETS, MINUTE, MOST_OTHERS, TOPS, Facet, Unit
from mirage_hole.policy.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mirage_hole.observe.record import Subject
    from mirage_hole.observe.rollup import Key

LATE: Final = 2
"""Minutes that a record may be late to be counted in its own; a later one counts in the earliest of these."""
MOST_OPEN: Final = 6
"""Minutes that are held when nobody takes them; the oldest go."""
PAIRS_A_MINUTE: Final = 10_000
"""Queries of a minute whose client and name are counted together; of more, the tables tell how many were not."""
ANSWERED: Final = frozenset({Outcome.FORWARDED, Outcome.CACHED, Outcome.LOCAL, Outcome.STALE, Outcome.SPECIAL})
"""What makes a name one that got an answer."""
UNKNOWN_UPSTREAM: Final = b"unknown upstream"
NO_PLACE: Final = NO_UPSTREAM << BUCKET_BITS

_BLOCKED = int(Outcome.BLOCKED)
WAITED = frozenset(map(int, (Outcome.FORWARDED, Outcome.FAILED, Outcome.BOGUS, Outcome.REBIND)))


class MinuteUnits:
    """Folds the tally of :class:`mirage_hole.observe.statistics.Statistics` into units. Minutes are counted since the epoch."""

    def __init__(self) -> None:
        self.keep = False
        """Nothing is counted until somebody keeps it."""
        self.names = True
        self.clients = True
        """False: who asked is counted nowhere."""
        self.hidden: Callable[[bytes], bool] | None = None
        """Whether a client (address octets) is counted nowhere; None: none is."""
        self.lost = 0
        """Queries of minutes that nobody took in time."""
        self._open: dict[int, Unit] = {}
        self._pairs: Counter[tuple[bytes, bytes]] = Counter()
        self._skipped = 0
        self._budget_of = 0
        self._budget = 0

    def seen(self, clients: Mapping[bytes, int]) -> dict[bytes, int]:
        """Those clients that may be known."""
        if not self.clients:
            return {}
        hidden = self.hidden
        return dict(clients) if hidden is None else {key: number for key, number in clients.items() if not hidden(key)}

    # What comes in, of each frame

    def tally(self, minute: int, clients: Sequence[bytes], subjects: Sequence[bytes]) -> None:
        """Count who asked for what, as far as the minute's budget goes."""
        if not (self.keep and self.names and self.clients):
            return
        number = len(subjects)
        if minute != self._budget_of:
            self._budget_of, self._budget = minute, PAIRS_A_MINUTE
        if number > self._budget:
            self._skipped += number
            return
        self._budget -= number
        self._pairs.update(zip(clients, subjects, strict=True))

    # What comes in, of each tally

    def settle(
        self,
        minute: int,
        tallied: Mapping[Facet, Mapping[Key, int]],
        decoded: Mapping[bytes, Subject],
        upstreams: Sequence[str],
    ) -> None:
        """Add a tally to its minute.

        Args:
            minute: of the tallied records.
            tallied: what is in it, by facet.
            decoded: its subjects, taken apart.
            upstreams: addresses, which the tally means by their number.
        """
        unit = self._open.get(minute)
        if unit is None:
            unit = self._open[minute] = Unit(minute * MINUTE)
            while len(self._open) > MOST_OPEN:
                self.lost += self._open.pop(min(self._open)).queries
        outcomes = tallied[Facet.OUTCOME]
        unit.queries += sum(outcomes.values())
        unit.blocked += outcomes.get(_BLOCKED, 0)
        for facet, counted in (*tallied.items(), *self._pairs_in(decoded)):
            if counted and self._may(facet):
                table = unit.of(facet)
                if facet is Facet.UPSTREAM:
                    counted = named(counted, upstreams)
                elif facet is Facet.DURATION:
                    counted = timed(counted, upstreams)
                table.add(counted)
                most = BOUNDS[MINUTE] if facet in TOPS else MOST_OTHERS
                if len(table.counts) > 2 * most:
                    table.cut(most)
        if self._skipped:
            for facet in (Facet.CLIENT_NAME, Facet.CLIENT_BLOCKED):
                unit.of(facet).missed(self._skipped)
        self._clear()

    def _pairs_in(self, decoded: Mapping[bytes, Subject]) -> Iterable[tuple[Facet, Mapping[Key, int]]]:
        pairs: dict[Key, int] = {}
        blocked: dict[Key, int] = {}
        for (client, encoded), number in self._pairs.items():
            if self.hidden is not None and self.hidden(client):
                continue
            subject = decoded[encoded]
            if subject.outcome is Outcome.BLOCKED:
                counted = blocked
            elif subject.outcome in ANSWERED:
                counted = pairs
            else:
                continue
            word = bytes([len(client)]) + client + subject.name
            counted[word] = counted.get(word, 0) + number
        yield Facet.CLIENT_NAME, pairs
        yield Facet.CLIENT_BLOCKED, blocked

    def _may(self, facet: Facet) -> bool:
        if facet in {Facet.NAME, Facet.BLOCKED_NAME}:
            return self.names
        if facet in {Facet.CLIENT, Facet.BLOCKED_CLIENT}:
            return self.clients
        return facet not in TOPS or (self.names and self.clients)

    def _clear(self) -> None:
        self._pairs.clear()
        self._skipped = 0

    # What goes out

    def running(self) -> list[Unit]:
        """The minutes that were not taken yet; they go on growing."""
        return list(self._open.values())

    def take(self, minute: int | None) -> list[Unit]:
        """Give away every minute but the running one; all of them for None. Records that are still to come make new units."""
        taken = [at for at in self._open if at != minute]
        return [self._open.pop(at) for at in sorted(taken)]

    def forget(self) -> None:
        """Begin again."""
        self._open.clear()
        self._clear()


def address(index: int, upstreams: Sequence[str]) -> bytes:
    """An upstream's address by its number."""
    return upstreams[index].encode() if index < len(upstreams) else UNKNOWN_UPSTREAM


def named(counted: Mapping[Key, int], upstreams: Sequence[str]) -> dict[Key, int]:
    """Counts by number as counts by address."""
    found: dict[Key, int] = {}
    for index, number in counted.items():
        word = address(int(index), upstreams)
        found[word] = found.get(word, 0) + number
    return found


def timed(counted: Mapping[Key, int], upstreams: Sequence[str]) -> dict[Key, int]:
    """Counts by upstream's number and bucket as counts by its address, empty for none, and one octet for the bucket."""
    found: dict[Key, int] = {}
    for key, number in counted.items():
        index = int(key) >> BUCKET_BITS
        word = (b"" if index == NO_UPSTREAM else address(index, upstreams)) + bytes([int(key) & BUCKETS])
        found[word] = found.get(word, 0) + number
    return found
