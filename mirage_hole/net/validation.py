"""DNSSEC validation beside the event loop: one thread, a bounded queue, and answers that come back as events."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from mirage_hole.dnssec import crypto
from mirage_hole.dnssec.outcome import Result, Status
from mirage_hole.resolver.events import Validated
from mirage_hole.wire.codes import EdeCode

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from mirage_hole.dnssec.chain import Validator
    from mirage_hole.resolver.effects import Validate
    from mirage_hole.wire.scan import Reply

log = logging.getLogger("mirage_hole.validation")

MOST_WAITING: Final = 256
"""Steps that may wait for the thread. One takes a millisecond or so, and some tens at worst (``dnssec/limits.py``)."""
OVERLOADED: Final = Result(Status.INDETERMINATE, EdeCode.OTHER, "too many answers wait for DNSSEC validation")
FAILED: Final = Result(Status.INDETERMINATE, EdeCode.OTHER, "DNSSEC validation failed by a fault of this server")


class ValidationThread:
    """Carries out ``Validate`` effects. The thread starts with the first one."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        tell: Callable[[Validated], None],
        clock: Callable[[], float] = time.time,
        most: int = MOST_WAITING,
    ) -> None:
        """``tell`` gets the events, in the loop; ``clock`` says the seconds since the epoch."""
        self._loop = loop
        self._tell = tell
        self._clock = clock
        self._most = most
        self._executor: ThreadPoolExecutor | None = None
        self._closed = False
        self.waiting = 0
        """Steps begun and not yet told of."""

    def begin(self, effect: Validate) -> Validated | None:
        """Take one step of a validation; None: it will be told of. An event: it was not begun, and this is its end."""
        if self.waiting >= self._most or self._closed:
            return Validated(effect.ident, OVERLOADED)
        self.waiting += 1
        self._pool().submit(self._work, *effect)
        return None

    def warm(self) -> None:
        """Have what checks signatures loaded by the time that the first answer needs it."""
        self._pool().submit(crypto.load)

    def _pool(self) -> ThreadPoolExecutor:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "validation")
        return self._executor

    def close(self) -> None:
        """What has not begun never will; a step that has takes milliseconds."""
        self._closed = True
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)

    def _work(self, ident: int, job: Validator, reply: Reply | None) -> None:
        try:
            said = job.step(reply, int(self._clock()))
        except Exception:  # whatever it is, the clients who wait must be told
            log.exception("a validation failed")
            said = FAILED
        if not self._closed:
            self._loop.call_soon_threadsafe(self._done, Validated(ident, said))

    def _done(self, event: Validated) -> None:
        self.waiting -= 1
        if not self._closed:
            self._tell(event)
