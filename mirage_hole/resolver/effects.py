"""What is to be done: everything the engine says. Imperative; only the edge carries it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mirage_hole.dnssec.chain import Validator
    from mirage_hole.wire.scan import Reply


class SendReply(NamedTuple):
    """Send this message to the client behind the ticket."""

    ticket: object
    wire: bytes


class AskUpstream(NamedTuple):
    """Send this query to an upstream; what comes back is told as ``UpstreamReplied``."""

    ident: int
    """The message ID: unique among all exchanges in flight."""
    upstream: int
    over_tcp: bool
    wire: bytes
    patience: float
    """Seconds after which a connection attempt may be given up."""


class RememberPacket(NamedTuple):
    """Replay this answer to octet-identical queries from this client's view (see ``cache.packets.PacketCache.put``)."""

    client: bytes
    octets: bytes
    answer: bytes
    subject: bytes
    now: float
    born_at: float
    expires_at: float
    ttl_offsets: tuple[int, ...]
    view: bytes
    """Clients of the same view are judged alike; empty: of the view of all."""


class ForgetPackets(NamedTuple):
    """Drop every remembered packet: the policy has changed."""


class EmitRecord(NamedTuple):
    """Exactly one a query, unless the packet cache replays the answer with its record."""

    client: bytes
    transport: int
    duration: float
    """Seconds."""
    subject: bytes


class CloseStream(NamedTuple):
    """No reply will come for this ticket. For a datagram there is nothing to do; a stream counts one query less."""

    ticket: object


class EndStream(NamedTuple):
    """No reply will come for this ticket, and its stream takes no more queries: it ends with the answers still due."""

    ticket: object


class Validate(NamedTuple):
    """Take the next step of a DNSSEC validation, off the event loop: ``job.step(reply, seconds since the epoch)``."""

    ident: int
    """Comes back with ``Validated``."""
    job: Validator
    reply: Reply | None
    """To the question that the step before wanted asked."""


class TellLoop(NamedTuple):
    """An upstream leads back here: log it, and tell the other workers."""

    upstream: int


Effect = (
    SendReply
    | AskUpstream
    | RememberPacket
    | ForgetPackets
    | EmitRecord
    | CloseStream
    | EndStream
    | Validate
    | TellLoop
)
