"""How long what is kept: the settings of the answer cache, and what a reply's own TTLs mean under them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mirage_hole.wire.codes import TC, Rcode

if TYPE_CHECKING:
    from mirage_hole.wire.scan import Reply

_NOERROR: Final = int(Rcode.NOERROR)  # members of an enumeration are slow to look up
_NXDOMAIN: Final = int(Rcode.NXDOMAIN)

MAX_TTL: Final = 86_400
"""Seconds; RFC 8767 section 4 lets a resolver cap what it believes, and a day is what unbound and dnsmasq use."""
MAX_NEGATIVE_TTL: Final = 10_800
"""Seconds; RFC 2308 section 5: one to three hours."""
RECHECK: Final = 30.0
"""Seconds after an attempt that failed in which old answers are given without another (RFC 8767 5)."""
MAX_FAILURE_TTL: Final = 300.0
"""Seconds; RFC 9520 section 3.2: no failure may be remembered for longer."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """All in seconds."""

    min_ttl: int = 0
    """Answers that may be kept for less are kept, and passed on, for this long."""
    max_ttl: int = MAX_TTL
    """No answer is kept for longer; less than the default also binds the TTLs that are passed on."""
    negative_ttl: int = MAX_NEGATIVE_TTL
    """No negative answer is kept for longer (RFC 2308 5)."""
    failure_ttl: float = 5.0
    """A first failure is remembered for this long (RFC 9520); 0: none is."""
    stale: float = 86_400.0
    """How long past its time an answer may still serve when nothing better can be had (RFC 8767); 0: not at all."""
    stale_wait: float = 1.8
    """How long a client waits for a fresh answer before it gets an old one (RFC 8767 5, the client response timer)."""
    stale_ttl: int = 30
    """TTL of the records of an old answer."""
    prefetch: bool = True
    """Renew popular answers in the last tenth of their time."""


DEFAULT: Final = Lifetimes()


def lifetime(reply: Reply, most: int = MAX_TTL, most_negative: int = MAX_NEGATIVE_TTL) -> int:
    """Seconds the reply may be kept; 0: not at all.

    Positive answers live as long as their shortest TTL. NXDOMAIN and NODATA live by their SOA and not at all without
    one (RFC 2308 5). Errors and truncated replies are not kept.

    Args:
        reply: of an upstream.
        most: no answer lives longer.
        most_negative: no negative one does.
    """
    # Taken apart at once: a named tuple's fields are slow to look up one by one, and every answer passes here.
    flags, rcode, _, counts, _, min_ttl, negative_ttl, _, _ = reply
    if flags & TC:
        return 0
    if rcode == _NOERROR and counts[0]:
        if negative_ttl >= 0:
            # A CNAME chain that ends in NODATA: the chain's TTLs and the SOA both bind (RFC 2308 2.2).
            return min(min_ttl, negative_ttl, most_negative, most)
        return min_ttl if min_ttl < most else most
    if rcode in (_NOERROR, _NXDOMAIN) and negative_ttl >= 0:
        return min(min_ttl, negative_ttl, most_negative, most)
    return 0


def clamped(reply: Reply, least: int, most: int) -> Reply:
    """The reply with no TTL below ``least`` or above ``most``, so that clients keep it for no other time than we do.

    A negative answer without a time of its own stays one that is not kept (RFC 2308 5).
    """
    records = bytearray(reply.records)
    for offset in reply.ttl_offsets:
        ttl = int.from_bytes(records[offset : offset + 4], "big")
        records[offset : offset + 4] = max(least, min(ttl, most)).to_bytes(4, "big")
    min_ttl, negative = reply.min_ttl, reply.negative_ttl
    return reply._replace(
        records=bytes(records),
        min_ttl=min_ttl if min_ttl < 0 else max(least, min(min_ttl, most)),
        negative_ttl=negative if negative <= 0 else max(least, min(negative, most)),
    )
