"""Log levels of single modules, changed while the program runs, in the supervisor and in every worker."""

from __future__ import annotations

import asyncio
import logging
import pkgutil
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Final

import mirage_hole
from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.runtime.logs import LogHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mirage_hole.runtime.logs import Line

_ROOT: Final = "mirage_hole"
log = logging.getLogger(__name__)


class LogLevels:
    """What was changed, and when it goes back. Reading the configuration again leaves it alone."""

    def __init__(self, tell: Callable[[str, str], object]) -> None:
        """``tell`` says a module and its level to the workers; the level is empty for that of the whole program."""
        self._tell = tell
        self._levels: dict[str, str] = {}
        self._back: dict[str, asyncio.TimerHandle] = {}

    def recent(self) -> Sequence[Line]:
        """The last lines of this process's log, the newest last."""
        for handler in logging.getLogger().handlers:
            if isinstance(handler, LogHandler):
                return tuple(handler.recent)
        return ()

    def levels(self) -> dict[str, str]:
        """The level of the whole program as ``""``, and of each module that has its own."""
        return {"": logging.getLevelName(logging.getLogger().level), **dict(sorted(self._levels.items()))}

    def change(self, levels: Mapping[str, str], seconds: float = 0.0) -> None:
        """Give modules, such as ``runtime.control`` or ``net``, a level of their own; ``DEFAULT`` takes it away.

        Args:
            levels: by module.
            seconds: until they are taken away again; 0: they stay until the program ends.

        Raises:
            Refusal: 422: there is no such module; nothing is changed.
        """
        known = modules()
        faults = [
            Fault(
                name, "there is no such module", f"one of {', '.join(get_close_matches(name, known, 3) or known[:3])}"
            )
            for name in levels
            if name not in known
        ]
        if faults:
            raise Refusal(422, "No log level was changed.", faults)
        for name, level in levels.items():
            if handle := self._back.pop(name, None):
                handle.cancel()
            self._set(name, "" if level == "DEFAULT" else level)
            if seconds and level != "DEFAULT":
                self._back[name] = asyncio.get_running_loop().call_later(seconds, self._end, name)

    def tell_again(self) -> None:
        """A new worker knows nothing of it yet."""
        for name, level in self._levels.items():
            self._tell(name, level)

    def _end(self, name: str) -> None:
        self._back.pop(name, None)
        self._set(name, "")

    def _set(self, name: str, level: str) -> None:
        if level:
            self._levels[name] = level
        else:
            self._levels.pop(name, None)
        log.info("the log level of %s is %s now", name, level or "that of the whole program")
        logging.getLogger(f"{_ROOT}.{name}").setLevel(level or logging.NOTSET)
        self._tell(name, level)


@cache
def modules() -> tuple[str, ...]:
    """Every module and folder of this program, without importing any."""
    return tuple(sorted(_below(mirage_hole.__path__, "")))


def _below(places: list[str], before: str) -> set[str]:
    found: set[str] = set()
    for one in pkgutil.iter_modules(places):
        found.add(before + one.name)
        if one.ispkg:
            found |= _below([f"{place}/{one.name}" for place in places], f"{before}{one.name}.")
    return found
