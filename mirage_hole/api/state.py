"""What the web application is given. Everything is a value or a quick call: no handler waits for a disk or a worker."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from mirage_hole.lists.rule import RichRule
    from mirage_hole.observe.metrics import QueueFacts
    from mirage_hole.observe.statistics import Statistics
    from mirage_hole.policy.explain import Explanation
    from mirage_hole.policy.trial import Trial
    from mirage_hole.sources.status import ListStatus


class GenerationView(NamedTuple):
    """The generation that serves."""

    number: int
    created: float
    """Seconds since the epoch."""
    names: int
    """How many distinct names have rules."""


@dataclass(slots=True, kw_only=True)
class ApiState:
    """Everything the web application shows. The callables are asked at each look."""

    statistics: Statistics
    version: str
    started_at: float
    """Seconds since the epoch."""
    listen: Sequence[str] = ()
    """``ADDRESS:PORT`` of the DNS listeners, for the hint how to ask."""
    addresses: Callable[[], Sequence[str]] = tuple
    """Under which other devices reach the DNS listeners."""
    host_names: Sequence[str] = ()
    """Names under which the web server may be visited, besides loopback names, the machine's own, and its address."""
    lists: Callable[[], Sequence[ListStatus]] = tuple
    generation: Callable[[], GenerationView | None] = lambda: None
    explain: Callable[[bytes, int, bytes], Explanation | None] | None = None
    """What the rules say of a name (folded wire form), query type and client's octets (0 and empty: none in particular); None
    while no list is loaded. Absent, the page offers no such thing."""
    attempt: Callable[[Sequence[RichRule], bytes, int, bytes], Trial | None] | None = None
    """What rules would do to a query (name, type, client) that nobody has taken yet."""
    cache: Callable[[str, int, bool], Awaitable[dict[str, Any]]] | None = None
    """What is remembered of a name (empty: of all), at most so many entries, with those of all names below it or without. The
    only one that waits, for workers and a few seconds at most."""
    flush: Callable[[str, bool], Awaitable[dict[str, Any]]] | None = None
    """Forgets what is remembered of a name (empty: everything), with that of all names below it or without."""
    pause: Callable[[], dict[str, Any]] | None = None
    """The pause of blocking that lasts, as :class:`mirage_hole.api.v1.pause.Pause` has it."""
    datagrams_lost: Callable[[], int] = int
    """UDP queries that the kernel had no room for."""
    degraded: Callable[[], Mapping[str, str]] = dict
    """What does not work as it should beside the workers and upstreams, in a word and for people."""
    queues: Callable[[], Sequence[QueueFacts]] = tuple
    """The queues inside this process."""
    certificate_ends: Callable[[], float | None] = lambda: None
    """End of the web server's certificate, in seconds since the epoch."""
    clock: Callable[[], float] = time.time
