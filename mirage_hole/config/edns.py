"""The settings of EDNS options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mirage_hole.config.settled import EdnsSettings

if TYPE_CHECKING:
    from mirage_hole.config.resolving import Edns
    from mirage_hole.config.settle import Findings

MAX_NSID: Final = 64
"""Octets; every reply to whoever asks carries them."""
MAX_BLOCK: Final = 4096


def settle_edns(written: Edns, found: Findings) -> EdnsSettings:
    """What is offered to clients."""
    nsid, block = written.nsid.strip(), written.padding
    if len(nsid) > MAX_NSID or not nsid.isascii() or not nsid.isprintable():
        found.problem(
            "edns.nsid",
            nsid,
            f"{len(nsid)} characters are too many" if len(nsid) > MAX_NSID else "not all of it can be printed as ASCII",
            f"write up to {MAX_NSID} letters, digits and signs, such as dns1.lan",
        )
        nsid = ""
    if not 0 <= block <= MAX_BLOCK:
        found.problem("edns.padding", block, "out of range", f"write a whole number from 0 to {MAX_BLOCK}")
        block = 0
    return EdnsSettings(written.cookies, nsid, block)
