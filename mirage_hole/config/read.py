"""The whole way from flags, environment and file to settings; done at the start and again on SIGHUP."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.config.load import Loaded, load
from mirage_hole.config.settle import settle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mirage_hole.config.host import Host
    from mirage_hole.config.settled import Settled


class Reading(NamedTuple):
    """One reading of the configuration."""

    settled: Settled | None
    """None when there are problems; ``loaded.problems`` has them all."""
    loaded: Loaded


def read(flags: Mapping[str, object], environ: Mapping[str, str], host: Host, config: str | None = None) -> Reading:
    """Read and settle the configuration; see :func:`mirage_hole.config.load.load` for the arguments.

    Never raises for what was written: ``loaded.problems`` and ``loaded.warnings`` say what is wrong with it.
    """
    loaded = load(flags, environ, host, config)
    return Reading(settle(loaded, environ, host), loaded)


def report(loaded: Loaded) -> str:
    """All problems, one a line, under a line that counts them."""
    count = len(loaded.problems)
    title = "the configuration has a problem:" if count == 1 else f"the configuration has {count} problems:"
    return "\n".join([title, *(f"  {problem}" for problem in loaded.problems)])
