"""What happened: everything the engine is told. Past tense."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mirage_hole.dnssec.chain import Need
    from mirage_hole.dnssec.outcome import Result
    from mirage_hole.local.store import LocalData
    from mirage_hole.policy.policy import Policy


class QueryReceived(NamedTuple):
    """A packet came from a client."""

    wire: bytes
    client: bytes
    """Address octets: 4 or 16."""
    transport: int
    """``UDP`` or ``TCP`` of :mod:`mirage_hole.observe.record`."""
    ticket: object
    """What the edge needs to send the reply; the engine only hands it back."""


class UpstreamReplied(NamedTuple):
    """A message came from an upstream, over the socket on which the query with this ID went out."""

    wire: bytes
    upstream: int
    over_tcp: bool


class UpstreamUnreachable(NamedTuple):
    """The network says that an upstream can't be reached (refused, no route, reset)."""

    upstream: int
    ident: int | None
    """The exchange that failed; None: all that are in flight to this upstream over UDP."""
    reason: str
    """What happened, for people: a few words."""
    ours: bool = False
    """The cause is on this machine (no descriptor, a bound of ours) and says nothing of the upstream's health."""


class TimePassed(NamedTuple):
    """Deadlines may have passed."""


class PolicyChanged(NamedTuple):
    """A new generation of compiled rules is to be used from now on."""

    policy: Policy


class LocalChanged(NamedTuple):
    """Other local data is to be used from now on."""

    local: LocalData


class BlockingPaused(NamedTuple):
    """Nothing is blocked until then."""

    until: float | None
    """In the clock of ``now``; None ends a pause."""


class DrainEnded(NamedTuple):
    """The process ends now: whoever still waits is told so."""


class Validated(NamedTuple):
    """A step of a DNSSEC validation was taken."""

    ident: int
    said: Need | Result
    """What must be asked, or the end."""


class ProbesDue(NamedTuple):
    """It is time to find out whether an upstream leads back here."""


class LoopFound(NamedTuple):
    """Another worker has found that an upstream leads back here."""

    upstream: int


Event = (
    QueryReceived
    | UpstreamReplied
    | UpstreamUnreachable
    | TimePassed
    | PolicyChanged
    | LocalChanged
    | BlockingPaused
    | DrainEnded
    | Validated
    | ProbesDue
    | LoopFound
)
