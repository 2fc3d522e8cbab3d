"""Questions that wait for an upstream. Identical ones wait together: one is asked, all are answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from mirage_hole.wire.codes import CD, EdeCode
from mirage_hole.wire.names import labels_of

if TYPE_CHECKING:
    from mirage_hole.dnssec.outcome import Result
    from mirage_hole.policy.verdict import Match
    from mirage_hole.resolver.effects import Effect
    from mirage_hole.resolver.events import QueryReceived
    from mirage_hole.resolver.stale import StaleWait
    from mirage_hole.upstream.routes import Routes
    from mirage_hole.wire.query import Query
    from mirage_hole.wire.scan import Reply

TICK: Final = 0.05
"""Seconds: deadlines are kept in buckets of this width, which costs one dictionary entry instead of a heap."""

# Members of an enumeration are slow to look up, and every question passes here.
_OTHER: Final = EdeCode.OTHER

KIND_DO: Final = 1
KIND_CD: Final = 2
KIND_GROUP: Final = 4
"""What the last octet of a key is made of: bits for DO and CD, and the number of a group of upstreams."""
MOST_GROUPS: Final = 60

_KINDS: Final = tuple(bytes((kind,)) for kind in range(256))
_BEHIND_NAME: Final = 5
"""Octets of a key behind its name: type, class, kind."""
_NONE: Final[frozenset[int]] = frozenset()


Listener = Callable[["Reply | None", float], "list[Effect]"]
"""Told the upstream's answer, None when there is none, and the time."""


class Case:
    """One query on its way through the stages."""

    __slots__ = ("about", "alias", "arrived_at", "asked", "chain", "key", "match", "query", "via")

    def __init__(self, query: Query, asked: QueryReceived, arrived_at: float) -> None:
        self.query = query
        self.asked = asked
        self.arrived_at = arrived_at
        self.about = ""
        """What of the answer the rule is about that ended it, for people: an address or a name."""
        self.via = b""
        """The name that the answer led through which ``match`` is about, if it is not the query's own."""
        self.match: Match | None = None
        """The rule that decided, once the policy has spoken: a block, an exception from one, or a rewrite."""
        self.alias: bytes | None = None
        """The name that is asked for in place of the query's: a rule says that it is an alias. Its answer is not judged."""
        self.chain: tuple[bytes, int] | None = None
        """Records of local data that lead to the alias, which stands whole at their end, and how many."""
        # Everything that shapes an answer: name, type, class, DO, CD (RFC 4035 4.7 keeps CD answers apart).
        _, flags, name, _, _, _, question, _, _, dnssec_ok, _, _, _ = query
        self.key = name + question[-4:] + _KINDS[(2 if flags & CD else 0) + dnssec_ok]

    def follow(self, alias: bytes | None, routes: Routes) -> None:
        """Ask for another name from now on; None: for the query's own again."""
        name = alias or self.query.name
        self.key = name + self.key[-_BEHIND_NAME:]
        self.alias = alias
        if routes:
            self.ask_group(routes.of(name, labels_of(name)))

    def ask_group(self, number: int) -> None:
        """Ask this group of upstreams from now on."""
        key = self.key
        self.key = key[:-1] + _KINDS[key[-1] & (KIND_GROUP - 1) | number * KIND_GROUP]


class Question:
    """One question that is being asked, and who waits for it: clients, parts of this program, or nobody."""

    __slots__ = (
        "attempts", "bogus", "checking_disabled", "code", "deadline", "dnssec_ok", "explained", "group", "hedge", "idents", "key",
        "listeners", "plain", "problems", "stale", "tried", "unusable", "waiting", "wire",
    )  # fmt: skip

    def __init__(self, key: bytes, deadline: float) -> None:
        """``key``: see :attr:`Case.key`."""
        self.key = key
        kind = key[-1]
        self.wire = key[:-1]
        """The question section as it goes upstream: folded name, type, class."""
        self.dnssec_ok = kind & KIND_DO != 0
        self.checking_disabled = kind & KIND_CD != 0
        self.group = kind >> 2
        """Number of the group of upstreams that is asked."""
        self.deadline = deadline
        self.waiting: list[Case] = []
        self.hedge: Alarm | None = None
        """A second question that waits for its time."""
        self.listeners: tuple[Listener, ...] = ()
        """Parts of this program that want the answer; each is told once."""
        self.tried: list[int] = []
        """Numbers of the upstreams asked, oldest first."""
        self.idents: list[int] = []
        """IDs of its exchanges, oldest first. At least one of them has neither expired nor failed."""
        self.attempts = 0
        self.plain = _NONE
        """Upstreams that could not read EDNS."""
        self.unusable = _NONE
        """Upstreams that can't be reached or gave an answer that helps nobody."""
        self.explained: tuple[Reply, int] | None = None
        """A SERVFAIL that says why, to pass on when nothing better comes; and whose it is."""
        self.problems: tuple[tuple[int, str], ...] = ()
        """Upstreams and what went wrong with them, for people; oldest first."""
        self.stale: StaleWait | None = None
        """An old answer that stands by."""
        self.code = _OTHER
        """The kind of the last problem."""
        self.bogus: Result | None = None
        """An answer that did not pass DNSSEC validation; another upstream is asked."""


class Exchange:
    """One query to one upstream, in flight until its question is answered: late answers are welcome."""

    __slots__ = ("asked_at", "bucket", "edns", "expired", "ident", "over_tcp", "question", "sent", "upstream")

    def __init__(
        self, ident: int, question: Question, upstream: int, over_tcp: bool, edns: bool, asked_at: float, sent: bytes
    ) -> None:
        self.ident = ident
        self.question = question
        self.upstream = upstream
        self.over_tcp = over_tcp
        self.edns = edns
        """Asked with EDNS."""
        self.asked_at = asked_at
        self.sent = sent
        """The question as it is spelt in the query: the very octets that an answer must repeat."""
        self.bucket: dict[Timed, None] | None = None
        """Of the timers: where it waits for its time."""
        self.expired = False
        """Its patience ran out, or it failed: something else was tried."""


class Alarm(Protocol):
    """Anything else that can wait for its time."""

    bucket: dict[Timed, None] | None
    """Of the timers; None when it does not wait."""

    def ring(self, now: float) -> list[Effect]:
        """Its time has come."""


Timed = Exchange | Alarm


class Timers:
    """What is to be looked at when. Told the time; coarse on purpose (:data:`TICK`)."""

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        self._buckets: dict[int, dict[Timed, None]] = {}

    def add(self, timed: Timed, at: float) -> None:
        """Look at ``timed`` at the first tick not before ``at``."""
        slot = int(at / TICK) + 1
        bucket = self._buckets.get(slot)
        if bucket is None:
            bucket = self._buckets[slot] = {}
        bucket[timed] = None
        timed.bucket = bucket

    def cancel(self, timed: Timed) -> None:
        """Forget what is over, so that it takes no memory until its time would have come.

        Its bucket stays until time has passed, even when it is empty.
        """
        bucket, timed.bucket = timed.bucket, None
        if bucket is not None:
            bucket.pop(timed, None)

    def due(self, now: float) -> list[Timed]:
        """Take out everything whose time has come."""
        current = int(now / TICK)
        slots = sorted(slot for slot in self._buckets if slot <= current)
        due = [timed for slot in slots for timed in self._buckets.pop(slot)]
        for timed in due:
            timed.bucket = None
        return due

    def __bool__(self) -> bool:
        return any(self._buckets.values())
