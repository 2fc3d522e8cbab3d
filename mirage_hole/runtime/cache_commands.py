"""What a worker does with its cache on command: show what is in it, and forget some of it.

Both go over the whole cache in slices between queries, so that a large one does not make anybody wait.
"""

from __future__ import annotations

import asyncio
import base64
import time
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING, Any, Final

from mirage_hole.resolver.subnets import question_of
from mirage_hole.wire.codes import AD, QR, RA, TC, type_text
from mirage_hole.wire.names import from_text, to_text
from mirage_hole.wire.reply import age_ttls

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.resolver.engine import Engine

MOST_SHOWN: Final = 1000
"""Entries in one answer."""
MOST_OCTETS: Final = 120_000
"""Of one answer: it must fit into one message of the channel."""
_AT_ONCE: Final = 2048
"""Keys that are looked at before queries have their turn; about half a millisecond."""
_BEHIND_NAME: Final = 5


class CacheCommands:
    """The cache of one engine."""

    def __init__(self, engine: Engine, forget_packets: Callable[[], None]) -> None:
        """``forget_packets`` empties the packet cache."""
        self._engine = engine
        self._forget_packets = forget_packets

    async def show(self, name: str, limit: int, *, subtree: bool) -> dict[str, Any]:
        """The newest entries, of this name, of all below it too, or all when it is empty.

        ``found`` counts what there is, ``entries`` holds at most ``limit`` of them and no more than fit into a message.

        Raises:
            mirage_hole.wire.names.BadName: the name is none.
        """
        cache, now = self._engine.cache, time.monotonic()
        wanted = _wanted(name, subtree=subtree)
        limit = min(limit, MOST_SHOWN)
        found = octets = 0
        entries: list[dict[str, Any]] = []
        failures, answers = list(cache.failures), list(cache.answers)
        keys = chain(zip(reversed(failures), repeat(True)), zip(reversed(answers), repeat(False)))
        while some := list(islice(keys, _AT_ONCE)):
            for key, failed in some:
                if not wanted(key):
                    continue
                entry = self._failure(key, now) if failed else self._answer(key, now)
                if entry is None:
                    continue
                found += 1
                octets += 300 + 4 * len(key) + len(entry.get("message", "")) + len(entry["options"])
                if len(entries) < limit and octets <= MOST_OCTETS:
                    entries.append(entry)
            await asyncio.sleep(0)
        return {"found": found, "entries": entries}

    async def flush(self, name: str, *, subtree: bool) -> dict[str, Any]:
        """Forget the answers and failures of this name, of all below it too, or everything when it is empty.

        Raises:
            mirage_hole.wire.names.BadName: the name is none.
        """
        cache = self._engine.cache
        count = 0
        if not name:
            count = len(cache)
            cache.clear()
        else:
            wanted = _wanted(name, subtree=subtree)
            keys = iter([*cache.answers, *(key for key in cache.failures if key not in cache.answers)])
            while some := list(islice(keys, _AT_ONCE)):
                count += sum(wanted(key) and cache.forget(key) for key in some)
                await asyncio.sleep(0)
        self._forget_packets()
        return {"flushed": count}

    def _answer(self, key: bytes, now: float) -> dict[str, Any] | None:
        answer = self._engine.cache.answers.get(key)
        if answer is None:
            return None
        flags, rcode, records, counts, offsets, _, _, ede, _ = answer.reply
        records = age_ttls(records, offsets, int(now - answer.stored_at))
        question = question_of(key)
        head = b"".join(number.to_bytes(2, "big") for number in (0, QR | RA | flags & (AD | TC) | rcode, 1, *counts))
        message = base64.b64encode(head + question + records).decode()
        return {
            **_asked(key),
            "subnet": self._subnet(key),
            "kind": "answer",
            "rcode": rcode,
            "age": int(now - answer.stored_at),
            "ttl": int(answer.expires_at - now),
            "stale": now >= answer.expires_at,
            "upstream": self._upstream(answer.upstream),
            "size": answer.cost,
            "authentic": bool(flags & AD),
            "message": message if len(message) <= MOST_OCTETS // 4 else "",
            "options": base64.b64encode(ede).decode(),
        }

    def _failure(self, key: bytes, now: float) -> dict[str, Any] | None:
        failure = self._engine.cache.failures.get(key)
        if failure is None or now >= failure.retry_at:
            return None
        return {
            **_asked(key),
            "subnet": self._subnet(key),
            "kind": "failure",
            "rcode": 2,
            "ttl": int(failure.retry_at - now) + 1,
            "stale": False,
            "upstream": self._upstream(failure.upstream),
            "in_a_row": failure.in_a_row,
            "options": base64.b64encode(failure.options).decode(),
        }

    def _subnet(self, key: bytes) -> str:
        subnets = self._engine.subnets
        return subnets.text_of(key) if subnets is not None else ""

    def _upstream(self, number: int) -> str:
        return self._engine.named(number) if number < len(self._engine.upstreams) else ""


def _asked(key: bytes) -> dict[str, Any]:
    kinds = key[-1]
    return {
        "name": to_text(key[:-_BEHIND_NAME]) or ".",
        "type": type_text(int.from_bytes(key[-_BEHIND_NAME : 2 - _BEHIND_NAME], "big")),
        "dnssec": bool(kinds & 1),
        "unchecked": bool(kinds & 2),
        "group": kinds >> 2,
    }


def _wanted(name: str, *, subtree: bool) -> Callable[[bytes], bool]:
    if not name:
        return lambda _key: True
    wire = from_text(name)
    if not subtree:
        size = len(wire) + _BEHIND_NAME
        return lambda key: len(key) == size and key.startswith(wire)
    return lambda key: wire in key and _is_below(key[:-_BEHIND_NAME], wire)


def _is_below(name: bytes, ancestor: bytes) -> bool:
    """Whether ``name`` is ``ancestor`` or below it: by labels, since octets alone may only look alike."""
    at, last = 0, len(name) - len(ancestor)
    while at < last:
        at += name[at] + 1
    return at == last and name.endswith(ancestor)
