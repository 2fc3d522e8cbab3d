"""The cache of all workers as one: what ``mirage-hole cache`` and the API show of it, and what a flush does."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final, Protocol

from mirage_hole.wire.codes import rcode_text
from mirage_hole.wire.names import BadName, from_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mirage_hole.runtime.gathering import Gathered

MOST_SHOWN: Final = 1000
"""Entries."""
_EDE: Final = 15


class Workers(Protocol):
    """Who is asked: :class:`mirage_hole.runtime.workers.Workers`."""

    async def gather(self, message: dict[str, Any]) -> Gathered:
        """Ask all of them, and wait for a few seconds at most."""


class CacheService:
    """Shows and flushes."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def show(self, name: str, limit: int, *, subtree: bool) -> dict[str, Any]:
        """What is remembered, sorted by name and type.

        Args:
            name: only of this name; empty: of every name.
            limit: at most so many entries, the newest of each worker, up to :data:`MOST_SHOWN`.
            subtree: of all names below it, too.

        Raises:
            mirage_hole.wire.names.BadName: the name is none.
        """
        _check(name)
        limit = max(1, min(limit, MOST_SHOWN))
        gathered = await self._workers.gather(
            {"do": "cache", "what": "show", "name": name, "subtree": subtree, "limit": limit}
        )
        entries, found = [], 0
        for worker, answer in gathered.answers.items():
            found += int(answer.get("found", 0))
            entries += [_readable(entry, worker) for entry in answer.get("entries", [])]
        entries.sort(key=lambda entry: (entry["name"].split(".")[::-1], entry["type"], entry["worker"]))
        return {
            "found": found,
            "entries": entries[:limit],
            "workers": len(gathered.answers),
            "silent": list(gathered.silent),
        }

    async def flush(self, name: str, *, subtree: bool) -> dict[str, Any]:
        """Forget what is remembered of a name, of all below it too, or everything when it is empty.

        ``flushed`` counts entries over all workers, ``silent`` holds the workers that did not say in time that they did it.

        Raises:
            mirage_hole.wire.names.BadName: the name is none.
        """
        _check(name)
        gathered = await self._workers.gather({"do": "cache", "what": "flush", "name": name, "subtree": subtree})
        flushed = sum(int(answer.get("flushed", 0)) for answer in gathered.answers.values())
        return {"flushed": flushed, "workers": len(gathered.answers), "silent": list(gathered.silent)}


def _check(name: str) -> None:
    if name:
        if len(name) > 1020:
            message = f"{len(name)} characters are no domain name"
            raise BadName(message)
        from_text(name)


def _readable(entry: dict[str, Any], worker: int) -> dict[str, Any]:
    """A worker's entry with its message as text."""
    shown = {key: value for key, value in entry.items() if key not in {"message", "options", "rcode"}}
    shown |= {
        "worker": worker,
        "rcode": rcode_text(int(entry["rcode"])),
        "errors": list(_errors(_octets(entry.get("options", "")))),
    }
    if "message" in entry:
        shown["records"], shown["complete"] = _records(_octets(entry["message"]))
    return shown


def _records(message: bytes) -> tuple[list[str], bool]:
    """Each record as a line; and whether that is all of them: very long answers stay where they are."""
    from mirage_hole.wire.message import BadMessage
    from mirage_hole.wire.reading import read_in_full

    try:
        read = read_in_full(message)
    except BadMessage:
        return [], False
    records: Iterable[Any] = (*read.answer, *read.authority, *read.additional)
    return [f"{one.name} {one.ttl} {one.rclass} {one.type} {one.data}" for one in records], True


def _errors(options: bytes) -> Iterator[dict[str, Any]]:
    """The Extended DNS Errors in EDNS options."""
    at = 0
    while at + 4 <= len(options):
        code, size = int.from_bytes(options[at : at + 2], "big"), int.from_bytes(options[at + 2 : at + 4], "big")
        data = options[at + 4 : at + 4 + size]
        if code == _EDE and len(data) >= 2:
            yield {"code": int.from_bytes(data[:2], "big"), "text": data[2:].decode(errors="replace")}
        at += 4 + size


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""
