"""The whole way from flags, environment and file to settings; done at the start and again on SIGHUP."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.config.load import Loaded, load
from mirage_hole.config.places import settle_state
from mirage_hole.config.problem import Problem
from mirage_hole.config.settle import Findings, settle
from mirage_hole.config.stored import STATE, Stored, culprits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mirage_hole.config.host import Host
    from mirage_hole.config.settled import Settled


class Reading(NamedTuple):
    """One reading of the configuration."""

    settled: Settled | None
    """None when there are problems; ``loaded.problems`` has them all."""
    loaded: Loaded


def read(
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    host: Host,
    config: str | None = None,
    *,
    stored: Callable[[Path], Stored] | None = None,
    check: Callable[[Loaded], None] | None = None,
    strict: bool = False,
) -> Reading:
    """Read and settle the configuration; see :func:`mirage_hole.config.load.load` for the first arguments.

    Never raises for what was written: ``loaded.problems`` and ``loaded.warnings`` say what is wrong with it.

    Args:
        flags, environ, host, config: what is read.
        stored: gives what is stored in a state directory.
        check: adds to the problems what can't be seen here.
        strict: what is stored and means nothing is a problem; else it is left out with a warning.
    """
    taken = Stored()

    def find(written: str) -> Stored:
        nonlocal taken
        taken = stored(settle_state(written, environ, Findings(Loaded()), host)) if stored is not None else Stored()
        return taken

    def give(_: str) -> Stored:
        return taken

    reading = _read(flags, environ, host, config, find, check)
    if taken.problem:
        reading.loaded.warnings.append(Problem(STATE, None, taken.problem, "what is stored there does not count"))
    if strict:
        return reading
    left_out: list[Problem] = []
    for last in (False, False, False, True):
        problems = reading.loaded.problems
        bad = culprits(reading.loaded)
        if not problems or not (taken.settings or taken.tables) or (not bad and not left_out):
            break
        left_out += [one._replace(instead="it is left out until it is changed") for one in problems]
        taken = Stored() if last or not bad else taken.without(bad)
        reading = _read(flags, environ, host, config, give, check)
    reading.loaded.warnings.extend(left_out)
    return reading


def _read(
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    host: Host,
    config: str | None,
    stored: Callable[[str], Stored],
    check: Callable[[Loaded], None] | None,
) -> Reading:
    loaded = load(flags, environ, host, config, stored)
    settled = settle(loaded, environ, host)
    if check is not None:
        check(loaded)
    return Reading(settled if not loaded.problems else None, loaded)


def report(loaded: Loaded) -> str:
    """All problems, one a line, under a line that counts them."""
    count = len(loaded.problems)
    title = "the configuration has a problem:" if count == 1 else f"the configuration has {count} problems:"
    return "\n".join([title, *(f"  {problem}" for problem in loaded.problems)])
