"""What people are told when the server is up, and the one line that the service manager shows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole import __version__
from mirage_hole.runtime.logs import BLOCK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.api.state import GenerationView
    from mirage_hole.config.settled import Endpoint

log = logging.getLogger("mirage_hole")

BLOCKED_EXAMPLE: Final = "doubleclick.net"
_SHOWN: Final = 6


class Summary(NamedTuple):
    """What there is to say."""

    dns: str
    web: str
    lists: str
    example: str
    """A command to try."""
    users: str = ""
    """How the first user is made, with a secret; empty when there is one."""


def summarise(
    endpoints: Sequence[Endpoint],
    url: str,
    generation: GenerationView | None,
    titles: Sequence[str],
    *,
    setup: str = "",
    addresses: Sequence[str] = (),
) -> Summary:
    """Gather it.

    Args:
        endpoints: where DNS is answered.
        url: of the web server; empty when none runs.
        generation: that serves.
        titles: of its lists.
        setup: the token that makes the first user; empty when there is one.
        addresses: of this machine, under which others reach it.
    """
    return Summary(
        f"{_listed([str(end) for end in endpoints])} (UDP and TCP)",
        f"{url}/" if url else "off",
        lists_line(generation, len(titles)),
        _command(endpoints),
        _users(_visited(url, addresses), setup),
    )


def tell(summary: Summary, style: str) -> None:
    """Log it: a block for people, fields for machines."""
    if style == "text":
        lines = [
            f"Mirage Hole {__version__} is running",
            f"  DNS    {summary.dns}",
            f"  web    {summary.web}",
            f"  lists  {summary.lists}",
            f"  try    {summary.example}",
        ]
        if summary.users:
            lines.append(f"  users  none yet: {summary.users}")
        log.info("%s", "\n".join(lines), extra={BLOCK: True})
    else:
        told = {name: value for name, value in summary._asdict().items() if value or name != "users"}
        log.info("running", extra={"version": __version__, **told})


def status(endpoints: Sequence[Endpoint], generation: GenerationView | None, lists: int) -> str:
    """One line."""
    subject = "lists: " if generation is None else ""
    return f"answering on {_listed([str(end) for end in endpoints])}; {subject}{lists_line(generation, lists)}"


def lists_line(generation: GenerationView | None, lists: int) -> str:
    """How much is blocked."""
    if generation is None:
        return "none compiled yet: nothing is blocked for the moment"
    plural = "" if lists == 1 else "s"
    return f"{generation.names:,} names from {lists} list{plural} (generation {generation.number})"


def _visited(url: str, addresses: Sequence[str]) -> str:
    """What people write: a server that listens everywhere has an address that no browser can visit."""
    for everywhere in ("://0.0.0.0", "://[::]"):
        if everywhere in url and addresses:
            host = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
            return url.replace(everywhere, f"://{host}")
    return url


def _users(url: str, setup: str) -> str:
    """Behind ``#``, what a browser asks for does not contain it, and no proxy writes it down."""
    if not setup:
        return ""
    command = "mirage-hole user add NAME"
    return f"{url}/#setup={setup} makes the first, or {command}" if url else command


def _command(endpoints: Sequence[Endpoint]) -> str:
    if not endpoints:
        return ""
    # Whoever reads this sits at the machine itself.
    end = min(endpoints, key=lambda end: (":" in end.address, not end.address.startswith(("127.", "0.0.0.0"))))  # noqa: S104
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(end.address, end.address)  # noqa: S104
    port = "" if end.port == 53 else f" -p {end.port}"
    return f"dig @{address}{port} {BLOCKED_EXAMPLE}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
