"""A question to every worker, and the answers of all of them, gathered until a deadline.

Such a message carries ``"ask": NUMBER``; the worker says the number back with its answer.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

DEADLINE: Final = 3.0
"""Seconds."""


class Gathered(NamedTuple):
    """What came back."""

    answers: dict[int, dict[str, Any]]
    """By the worker's number."""
    silent: tuple[int, ...]
    """Workers that did not answer in time, or ended."""


class Gathering:
    """All questions that are open."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._open: dict[int, _Question] = {}

    async def ask(
        self, workers: Collection[int], tell: Callable[[dict[str, Any]], None], message: dict[str, Any],
        within: float = DEADLINE,
    ) -> Gathered:  # fmt: skip
        """Ask and wait, but not longer than ``within`` seconds.

        Args:
            workers: numbers of those that are asked.
            tell: sends a message to all of them.
            message: as :mod:`mirage_hole.runtime.channel` has it; gets its number here.
            within: seconds.
        """
        import asyncio

        number = next(self._numbers)
        question = self._open[number] = _Question(set(workers))
        try:
            tell({**message, "ask": number})
            if question.missing:
                async with asyncio.timeout(within):
                    await question.done.wait()
        except TimeoutError:
            pass
        finally:
            del self._open[number]
        return Gathered(dict(sorted(question.answers.items())), tuple(sorted(set(workers) - question.answers.keys())))

    def heard(self, worker: int, answer: dict[str, Any]) -> None:
        """A worker answered; what nobody waits for any more is ignored."""
        number = answer.get("ask")
        question = self._open.get(number) if isinstance(number, int) else None
        if question is not None and worker in question.missing:
            question.answers[worker] = answer
            question.settled(worker)

    def gone(self, worker: int) -> None:
        """A worker ended and will not answer."""
        for question in self._open.values():
            question.settled(worker)


class _Question:
    def __init__(self, missing: set[int]) -> None:
        import asyncio  # not before the workers run, which this module is imported for

        self.missing = missing
        self.answers: dict[int, dict[str, Any]] = {}
        self.done = asyncio.Event()

    def settled(self, worker: int) -> None:
        self.missing.discard(worker)
        if not self.missing:
            self.done.set()
