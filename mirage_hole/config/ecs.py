"""``upstream.ecs``: what upstreams are told of where clients are (RFC 7871)."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import TYPE_CHECKING, Final

from mirage_hole.config.raw import settings
from mirage_hole.policy.inside import is_inside

if TYPE_CHECKING:
    from mirage_hole.config.settle import Findings

STRIP: Final = "strip"
FORWARD: Final = "forward"
MOST_BITS: Final = {4: 24, 6: 56}
"""More would tell of one household (RFC 7871 11.1)."""

_PATH: Final = "upstream.ecs"


def settle_ecs(written: str, found: Findings) -> str:
    """``strip``, ``forward``, or a network in CIDR notation."""
    text = written.strip().lower()
    if text in {STRIP, FORWARD}:
        return text
    write = f"write {settings()[_PATH].write}"
    try:
        written_as = ip_interface(text)
    except ValueError:
        found.problem(_PATH, written, "neither strip, forward nor a network", write)
        return STRIP
    network = written_as.network
    most = MOST_BITS[network.version]
    if "/" not in text or network.prefixlen > most:
        wide = network.supernet(new_prefix=most) if network.prefixlen > most else network
        found.problem(_PATH, written, "it tells more of you than a resolver needs", f"write {wide} or a shorter prefix")
    elif written_as.ip != network.network_address:
        found.problem(_PATH, written, f"bits are set beyond the first {network.prefixlen}", f"write {network}")
    elif is_inside(network.network_address.packed):
        found.problem(
            _PATH, written, "a private network, which means nothing to others", "write your public network, or strip"
        )
    else:
        return str(network)
    return STRIP
