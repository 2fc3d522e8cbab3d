"""A worker's answers about itself. Rarely asked for, so nothing of it is loaded before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mirage_hole.runtime import channel

if TYPE_CHECKING:
    import socket

    from mirage_hole.runtime.introspection import Introspection


class InsideWorker:
    """Made with the worker; begins to exist when it is asked for the first time."""

    def __init__(self, number: int, to_supervisor: socket.socket) -> None:
        self._number = number
        self._channel = to_supervisor
        self._inside: Introspection | None = None

    async def tell(self, message: dict[str, Any]) -> None:
        """Answer the supervisor's question; what is asked of another worker gets an empty answer."""
        from mirage_hole.runtime.introspection import BadQuestion, Introspection

        told: dict[str, Any] = {"is": "diagnose", "ask": message["ask"]}
        if message["of"] == self._number:
            self._inside = inside = self._inside or Introspection()
            try:
                told["answer"] = await asyncio.to_thread(inside.answer, message, asyncio.all_tasks())
            except BadQuestion as problem:
                told["error"] = str(problem)
            if message["what"] == "trace":
                asyncio.get_running_loop().call_later(float(message["seconds"]) + 0.1, inside.expire)
        channel.send_json(self._channel, told)
