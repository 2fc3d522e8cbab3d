"""A log of millions of queries, as a household or a company would have made them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from mirage_hole.observe.record import NO_LIST, NO_UPSTREAM, Subject, encode_subject
from mirage_hole.policy.verdict import Outcome
from mirage_hole.store.querylog.day import DAY, DayFile, NewRow, SubjectRow, file_of

if TYPE_CHECKING:
    from pathlib import Path

SYLLABLES = (
    "ads",
    "cdn",
    "img",
    "api",
    "www",
    "mail",
    "track",
    "metric",
    "static",
    "video",
    "game",
    "shop",
    "news",
    "play",
)
ENDINGS = ("com", "net", "org", "example", "io", "de", "co.uk", "app")
TYPES = (1, 28, 65, 1)
UPSTREAMS = ("9.9.9.9:53", "149.112.112.112:53", "1.1.1.1:53")
LISTS = tuple(f"List {number}" for number in range(12))


class Traffic:
    """Names by popularity (Zipf, 1.0), clients by how much they ask, a third blocked."""

    def __init__(self, names: int = 60_000, clients: int = 60, seed: int = 1) -> None:
        self.random = random.Random(seed)
        pick = self.random.choice
        self.names = [
            f"{pick(SYLLABLES)}{number % 977}.{pick(SYLLABLES)}{number}.{pick(ENDINGS)}" for number in range(names)
        ]
        self._name_weights = _summed([1 / (rank + 1) for rank in range(names)])
        self.clients = [bytes((192, 168, 1, number + 1)) for number in range(clients)]
        self._client_weights = _summed([1 / (rank + 1) ** 0.8 for rank in range(clients)])

    def draw(self, count: int) -> list[tuple[int, int, int]]:
        """(number of a name, number of a client, microseconds) of so many queries."""
        names = self.random.choices(range(len(self.names)), cum_weights=self._name_weights, k=count)
        clients = self.random.choices(range(len(self.clients)), cum_weights=self._client_weights, k=count)
        return [(name, client, (name * 7919 + client) % 40_000) for name, client in zip(names, clients, strict=True)]

    def subject(self, name: int, salt: int) -> SubjectRow:
        """What becomes of a query for this name: a third are blocked, half of the others come from the cache."""
        blocked = name % 3 == 0
        outcome = Outcome.BLOCKED if blocked else Outcome.CACHED if salt & 1 else Outcome.FORWARDED
        text = self.names[name]
        return SubjectRow(
            text,
            TYPES[salt >> 1],
            int(outcome),
            0,
            LISTS[name % len(LISTS)] if blocked else "",
            text.split(".", 1)[1] if blocked else "",
            1 if blocked else -1,
            name + 1 if blocked else 0,
            UPSTREAMS[name % 3] if outcome is Outcome.FORWARDED else "",
            0,
        )

    def encoded(self, name: int, salt: int) -> bytes:
        """The same as workers tell it."""
        row = self.subject(name, salt)
        wire = b"".join(len(label).to_bytes(1) + label.encode() for label in row.name.split(".")) + b"\0"
        rule = wire[wire[0] + 1 :] if row.list else b""
        where = (LISTS.index(row.list), row.line, rule, 1) if row.list else (NO_LIST, 0, b"", 0)
        upstream = UPSTREAMS.index(row.upstream) if row.upstream else NO_UPSTREAM
        return encode_subject(Subject(Outcome(row.outcome), 0, row.type, *where, upstream, wire))


def fill(directory: Path, rows: int, days: int, last_day: int, traffic: Traffic, tell: bool = False) -> None:
    """Write a log of so many rows over so many days, of which the last is ``last_day``."""
    directory.mkdir(parents=True, exist_ok=True)
    a_day = rows // days
    for day in range(last_day - days + 1, last_day + 1):
        file = DayFile(directory / file_of(day), day)
        done = 0
        while done < a_day:
            count = min(50_000, a_day - done)
            new = []
            for number, (name, client, took) in enumerate(traffic.draw(count), done):
                salt = number * 2654435761 >> 7 & 7
                row = traffic.subject(name, salt)  # a name has three to six
                subject = file.subject(row) or file.new_subject(row, row)
                took = took if salt & 1 == 0 and name % 3 else 0
                new.append(NewRow(day * DAY + number * DAY / a_day, subject, traffic.clients[client], took / 1e6))
            file.write(new)
            done += count
        file.close(over=True)
        if tell:
            print(f"{file_of(day)}: {a_day:,} rows", flush=True)


def _summed(weights: list[float]) -> list[float]:
    total = 0.0
    found = []
    for one in weights:
        total += one
        found.append(total)
    return found
