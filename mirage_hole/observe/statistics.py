"""Everything that is counted: folds record frames into totals, a minute series, top lists and the last queries.

Frames are counted in two steps. Per frame, equal subjects are only tallied by their octets; the tally is taken apart once a
minute, when it is full, or when somebody looks. A blocked name that is asked a thousand times is read once that way.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from mirage_hole.observe.durations import FINE, Durations
from mirage_hole.observe.generations import Generations
from mirage_hole.observe.recent import RecentQueries
from mirage_hole.observe.record import NO_LIST, NO_UPSTREAM, TCP, UDP, decode_subject
from mirage_hole.observe.rollup import BUCKET_BITS, BUCKETS, Facet
from mirage_hole.observe.rollup_minutes import ANSWERED, LATE, NO_PLACE, WAITED, MinuteUnits
from mirage_hole.observe.segments import BadFrame, read_frame
from mirage_hole.observe.series import MinuteSeries
from mirage_hole.observe.toplist import RollingTop
from mirage_hole.observe.workers import Workers
from mirage_hole.policy.verdict import Outcome
from mirage_hole.wire.codes import Rcode, RRType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mirage_hole.observe.record import Subject
    from mirage_hole.observe.rollup import Key, Unit
    from mirage_hole.observe.segments import Segment
    from mirage_hole.observe.series import Minutes
    from mirage_hole.observe.toplist import Ranked

K = TypeVar("K")

MAX_TALLY = 4096
MAX_TITLES = 1000
OTHER = "other"
"""The label for what has no name of its own, so that strangers can't invent labels."""

_BLOCKED = int(Outcome.BLOCKED)
_TYPES = {int(kind): kind.name for kind in RRType}
_RCODES = {int(code): code.name for code in Rcode}
_OF_SUBJECTS = (
    Facet.OUTCOME, Facet.TYPE, Facet.RCODE, Facet.BLOCKED_BY, Facet.ALLOWED_BY, Facet.REWRITTEN_BY, Facet.UPSTREAM,
    Facet.NAME, Facet.BLOCKED_NAME,
)  # fmt: skip
_HEAVY = (Facet.NAME, Facet.BLOCKED_NAME, Facet.CLIENT, Facet.BLOCKED_CLIENT)


class Breakdown(NamedTuple):
    """Queries since the start, by one feature each; what never happened is absent."""

    types: dict[str, int]
    """By record type; a type without a name counts as ``other``."""
    rcodes: dict[str, int]
    transports: dict[str, int]
    blocked_by: dict[str, int]
    """By the title of the list whose rule blocked."""
    allowed_by: dict[str, int]
    """By the title of the list whose rule let the name through."""
    rewritten_by: dict[str, int]
    """By the title of the list whose rule answered with records or a code of its own."""
    upstreams: dict[int, int]
    """By the index of the upstream that answered."""


class Top(NamedTuple):
    """The heaviest of the last day, at least 18 hours of it."""

    since: float
    names: list[Ranked]
    """Names that got an answer; keys are folded wire forms."""
    blocked: list[Ranked]
    clients: list[tuple[Ranked, int]]
    """Addresses (octets), each with its number of blocked queries."""
    client_count: int
    client_count_exact: bool
    """False: there were more clients than are kept apart."""


class Statistics:
    """What the control plane knows of the queries. Times are seconds since the epoch."""

    def __init__(self, *, recent: int = 1000, top: int = 1000) -> None:
        self.generations = Generations()
        self.workers = Workers()
        self._durations = Durations()
        self._waited: dict[int, Durations] = {}
        self.bad_frames = 0
        """Frames that could not be read and were left out as a whole."""
        self.on_clients: Callable[[Iterable[bytes]], object] = tuple
        """Called about once a minute with the clients that have asked."""
        self.minutes_kept = MinuteUnits()
        """The running minutes, for whoever keeps them."""
        self._recent = RecentQueries(self.generations, recent)
        self._series = MinuteSeries()
        self._outcomes: Counter[Outcome] = Counter()
        self._types: Counter[str] = Counter()
        self._rcodes: Counter[str] = Counter()
        self._transports: Counter[int] = Counter()
        self._blocked_by: Counter[str] = Counter()
        self._allowed_by: Counter[str] = Counter()
        self._rewritten_by: Counter[str] = Counter()
        self._decided = {
            Outcome.BLOCKED: (self._blocked_by, Facet.BLOCKED_BY),
            Outcome.FORWARDED: (self._allowed_by, Facet.ALLOWED_BY),
            Outcome.CACHED: (self._allowed_by, Facet.ALLOWED_BY),
            Outcome.LOCAL: (self._rewritten_by, Facet.REWRITTEN_BY),
        }
        """Whose counts a rule is in, by what became of the query. One that failed counts for nobody."""
        self._upstreams: Counter[int] = Counter()
        self._top = top
        self._names = RollingTop(top)
        self._blocked_names = RollingTop(top)
        self._clients = RollingTop(top)
        self._blocked_clients = RollingTop(top)
        self._tally: Counter[bytes] = Counter()
        self._tally_clients: Counter[bytes] = Counter()
        self._tally_blocked_clients: Counter[bytes] = Counter()
        self._tally_transports: Counter[int] = Counter()
        self._tally_times: dict[int, int] = {}
        """By upstream and bucket of ``FINE``, as in :func:`mirage_hole.observe.rollup.duration_key`."""
        self._tally_seconds = 0.0
        self._tally_generation = 0
        self._tally_minute = 0
        self._tally_now = 0

    def preceded_by(self, minutes: Iterable[tuple[int, int, int]], hours: Iterable[Unit], now: float) -> None:
        """Take over what was counted before the start: the minutes (seconds, queries, blocked) of the last day and its hours, the
        oldest first. Totals and what else counts from the start stay as they are."""
        self._settle()
        for at, queries, blocked in minutes:
            self._series.add(at // 60, queries, blocked, int(now) // 60)
        earlier: dict[Facet, list[tuple[float, dict[bytes, int]]]] = {facet: [] for facet in _HEAVY}
        for unit in hours:
            for facet, parts in earlier.items():
                words = {key: number for key, number in unit.counts(facet).items() if isinstance(key, bytes)}
                parts.append((float(unit.at), words))
        if self.minutes_kept.names:
            self._names.precede(earlier[Facet.NAME], now)
            self._blocked_names.precede(earlier[Facet.BLOCKED_NAME], now)
        seen = self.minutes_kept.seen
        self._clients.precede([(at, seen(counts)) for at, counts in earlier[Facet.CLIENT]], now)
        self._blocked_clients.precede([(at, seen(counts)) for at, counts in earlier[Facet.BLOCKED_CLIENT]], now)

    def hide(self, *, names: bool, clients: bool, hidden: Callable[[bytes], bool] | None = None) -> None:
        """Know no names, no clients, or not those that are ``hidden`` (told their octets), from now on; the top lists begin again."""
        self._settle()
        kept = self.minutes_kept
        kept.names, kept.clients, kept.hidden = not names, not clients, hidden
        if names:
            self._names, self._blocked_names = RollingTop(self._top), RollingTop(self._top)
        if clients or hidden is not None:
            self._clients, self._blocked_clients = RollingTop(self._top), RollingTop(self._top)

    # What comes in

    def register_generation(self, number: int, titles: Sequence[str]) -> None:
        """Tell the titles of a generation's lists, in the order of its manifest, before its records come."""
        self.generations.register(number, titles)

    def fold_frame(self, octets: bytes, now: float) -> int:
        """Count every record of a frame and return how many there were; a bad frame is counted, and none of it."""
        try:
            frame = read_frame(octets)
        except BadFrame:
            self.bad_frames += 1
            return 0
        minute = int(now) // 60
        recorded: dict[int, list[Segment]] = {}
        for segment in frame.segments:
            recorded.setdefault(int(segment.at) // 60, []).append(segment)
        for at, segments in recorded.items():
            if len(recorded) == 1:
                clients, subjects = frame.clients, frame.subjects
            else:
                clients = [client for segment in segments for client in segment.clients]
                subjects = [subject for segment in segments for subject in segment.subjects]
            self._fold(frame.generation, at, minute, segments, clients, subjects)
        return len(frame.subjects)

    def _fold(
        self,
        generation: int,
        at: int,
        minute: int,
        segments: list[Segment],
        clients: list[bytes],
        subjects: list[bytes],
    ) -> None:
        """Count what was recorded in the minute ``at`` of segments that came in the minute ``minute``."""
        counted = max(minute - LATE, min(at, minute))
        if (
            counted != self._tally_minute
            or minute != self._tally_now
            or generation != self._tally_generation
            or self._tally_is_full()
        ):
            self._settle()
            self._tally_generation, self._tally_minute, self._tally_now = generation, counted, minute
        blocked = [
            client
            for client, subject in zip(clients, subjects, strict=True)
            if subject[2] == _BLOCKED  # the third octet is the outcome
        ]
        self._tally.update(subjects)
        self._tally_clients.update(clients)
        self._tally_blocked_clients.update(blocked)
        self.minutes_kept.tally(counted, clients, subjects)
        replayed, times = 0, self._tally_times
        for segment in segments:
            self._tally_transports[segment.transport] += len(segment.subjects)
            if segment.durations:
                for seconds, subject in zip(segment.durations, segment.subjects, strict=True):
                    # The fifteenth octet is the upstream: an answer from the cache names who gave it, and did not wait.
                    key = (subject[14] << BUCKET_BITS if subject[2] in WAITED else NO_PLACE) | bisect_left(
                        FINE, seconds
                    )
                    times[key] = times.get(key, 0) + 1
                self._tally_seconds += sum(segment.durations)
            else:
                replayed += len(segment.subjects)
            self._recent.add(generation, segment)
        if replayed:
            times[NO_PLACE] = times.get(NO_PLACE, 0) + replayed
        self._series.add(at, len(subjects), len(blocked), minute)

    def _tally_is_full(self) -> bool:
        return len(self._tally) > MAX_TALLY or len(self._tally_clients) > MAX_TALLY

    def _settle(self) -> None:
        """Take the tally apart."""
        if not self._tally:
            return
        now = self._tally_now * 60.0
        tallied: dict[Facet, dict[Key, int]] = {facet: {} for facet in _OF_SUBJECTS}
        names, blocked = tallied[Facet.NAME], tallied[Facet.BLOCKED_NAME]
        decoded: dict[bytes, Subject] = {}
        for encoded, number in self._tally.items():
            subject = decoded[encoded] = decode_subject(encoded)
            self._count(subject, number, tallied)
            if subject.outcome is Outcome.BLOCKED:
                blocked[subject.name] = blocked.get(subject.name, 0) + number
            elif subject.outcome in ANSWERED:
                names[subject.name] = names.get(subject.name, 0) + number
        for outcome, number in tallied[Facet.OUTCOME].items():
            self._outcomes[Outcome(int(outcome))] += number
        if self.minutes_kept.names:
            self._names.add(names, now)  # type: ignore[arg-type]  # the keys are names
            self._blocked_names.add(blocked, now)  # type: ignore[arg-type]
        clients, blocked_clients = map(self.minutes_kept.seen, (self._tally_clients, self._tally_blocked_clients))
        if clients:
            self.on_clients(clients)
        self._clients.add(clients, now)
        self._blocked_clients.add(blocked_clients, now)
        self._transports.update(self._tally_transports)
        places: dict[int, int] = {}
        for key, number in self._tally_times.items():
            _add(places, key & BUCKETS, number)
            upstream = key >> BUCKET_BITS
            if upstream < NO_UPSTREAM:
                self._waited.setdefault(upstream, Durations()).add_places({key & BUCKETS: number}, 0.0)
        self._durations.add_places(places, self._tally_seconds)
        if self.minutes_kept.keep:
            tallied[Facet.TRANSPORT] = dict(self._tally_transports.items())
            tallied[Facet.CLIENT] = dict(clients.items())
            tallied[Facet.BLOCKED_CLIENT] = dict(blocked_clients.items())
            tallied[Facet.DURATION] = dict(self._tally_times.items())
            self.minutes_kept.settle(self._tally_minute, tallied, decoded, self.workers.addresses())
        self._tally.clear()
        self._tally_clients.clear()
        self._tally_blocked_clients.clear()
        self._tally_transports.clear()
        self._tally_times.clear()
        self._tally_seconds = 0.0

    def _count(self, subject: Subject, number: int, tallied: dict[Facet, dict[Key, int]]) -> None:
        _add(tallied[Facet.OUTCOME], int(subject.outcome), number)
        _add(tallied[Facet.TYPE], subject.qtype if subject.qtype in _TYPES else 0, number)
        _add(tallied[Facet.RCODE], subject.rcode, number)
        self._types[_TYPES.get(subject.qtype, OTHER)] += number
        self._rcodes[_RCODES.get(subject.rcode, OTHER)] += number
        if subject.upstream != NO_UPSTREAM:
            self._upstreams[subject.upstream] += number
            _add(tallied[Facet.UPSTREAM], subject.upstream, number)
        if subject.list_id != NO_LIST:
            decided = self._decided.get(subject.outcome)
            if decided is not None:
                by, facet = decided
                title = self.generations.title(self._tally_generation, subject.list_id)
                by[title if title in by or len(by) < MAX_TITLES else OTHER] += number
                _add(tallied[facet], title.encode(errors="replace"), number)

    # What goes out

    def totals(self) -> dict[str, int]:
        """Queries since the start, in all (``queries``) and by outcome; every outcome is there."""
        self._settle()
        by_outcome = {outcome.name.lower(): self._outcomes[outcome] for outcome in Outcome}
        return {"queries": sum(by_outcome.values()), **by_outcome}

    def waited(self) -> dict[int, list[tuple[str, int]]]:
        """By the index of the upstream that was waited for: (upper bound in seconds, answers not slower than it)."""
        self._settle()
        return {number: one.cumulative() for number, one in sorted(self._waited.items())}

    @property
    def durations(self) -> Durations:
        """How long answers took, since the start."""
        self._settle()
        return self._durations

    def breakdown(self) -> Breakdown:
        """The same queries by other features."""
        self._settle()
        return Breakdown(
            dict(self._types),
            dict(self._rcodes),
            {"udp": self._transports[UDP], "tcp": self._transports[TCP]},
            dict(self._blocked_by),
            dict(self._allowed_by),
            dict(self._rewritten_by),
            dict(self._upstreams),
        )

    def day(self, now: float) -> tuple[int, int]:
        """(queries, blocked) of the last 24 hours."""
        return self._series.totals(int(now) // 60)

    def minutes(self, number: int, now: float) -> Minutes:
        """Queries and blocked queries of each of the last ``number`` minutes."""
        return self._series.last(number, int(now) // 60)

    def top(self, limit: int, now: float) -> Top:
        """The heaviest names and clients of the last day."""
        self._settle()
        known, exact = self._clients.distinct(now)
        clients = self._clients.top(limit, now)
        return Top(
            self._clients.since(now),
            self._names.top(limit, now),
            self._blocked_names.top(limit, now),
            [(client, self._blocked_clients.count(client.key)) for client in clients],
            known,
            exact,
        )

    @property
    def recent(self) -> RecentQueries:
        """The last queries."""
        return self._recent


def _add(counts: dict[K, int], key: K, number: int) -> None:
    counts[key] = counts.get(key, 0) + number
