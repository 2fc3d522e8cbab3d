"""What the processes of this server tell of themselves: the supervisor at once, a worker over its channel."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol

from mirage_hole.api.problems import Refusal
from mirage_hole.runtime.introspection import BadQuestion, Introspection

if TYPE_CHECKING:
    from mirage_hole.runtime.gathering import Gathered

SUPERVISOR: Final = "supervisor"


class Workers(Protocol):
    """Who is asked: :class:`mirage_hole.runtime.workers.Workers`."""

    async def gather(self, message: dict[str, Any]) -> Gathered:
        """Ask all of them, and wait for a few seconds at most."""


class Diagnosis:
    """See :class:`mirage_hole.api.v1.inside.Diagnosis`."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._here = Introspection()

    async def ask(self, process: str, what: str, **arguments: Any) -> dict[str, Any]:
        """One question to one process.

        Args:
            process: ``supervisor``, or the number of a worker.
            what: as :meth:`mirage_hole.runtime.introspection.Introspection.answer` knows it.
            arguments: of it.

        Raises:
            Refusal: 404: there is no such process; 409: it can't be answered as things are; 503: nothing came in time.
        """
        asked = {"what": what, **arguments}
        if process == SUPERVISOR:
            try:
                answer = await asyncio.to_thread(self._here.answer, asked, asyncio.all_tasks())
            except BadQuestion as problem:
                raise Refusal(409, f"{problem}.") from None
            if what == "trace":
                asyncio.get_running_loop().call_later(arguments["seconds"] + 0.1, self._here.expire)
            return answer
        gathered = await self._workers.gather({"do": "diagnose", "of": int(process), **asked})
        told = gathered.answers.get(int(process))
        if told is None:
            known = ", ".join(map(str, [*gathered.answers, *gathered.silent])) or "none"
            status = 503 if int(process) in gathered.silent else 404
            raise Refusal(status, f"Worker {process} did not answer; there are workers {known}.")
        if error := told.get("error"):
            raise Refusal(409, f"{error}.")
        return dict(told["answer"])
