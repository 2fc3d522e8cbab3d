"""What it takes to look at a log of millions of queries."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Final, NamedTuple

from mirage_hole.observe.exports import FORMATS
from mirage_hole.store.querylog.day import DAY
from mirage_hole.store.querylog.filters import Filter
from mirage_hole.store.querylog.search import Reader

TRIES: Final = 5
BLOCKED, FORWARDED = frozenset({2}), frozenset({0})


class Search(NamedTuple):
    """One search and how long its first page took."""

    about: str
    first: float
    """Milliseconds of the first try, which finds the files on the disk where the machine has forgotten them."""
    milliseconds: float
    """Median of the others."""
    worst: float
    rows: int
    complete: bool
    """False: the time was over first; the next page goes on."""


class Export(NamedTuple):
    """One format."""

    form: str
    a_second: float
    """Rows a second of CPU time."""
    octets: float
    """Of the file, a row."""


def searches(last_day: int, rare: str) -> list[tuple[str, Filter]]:
    """What people look for, and what is hard to find. ``rare``: a name that few ask for."""
    today = last_day * DAY
    few, many = (ip_network("192.168.1.60/32"),), (ip_network("192.168.1.1/32"),)
    return [
        ("last day: part of a name that many have", Filter(name="track", since=today)),
        ("last day: part of a name that few have", Filter(name=rare, since=today)),
        ("last day: part that no name has", Filter(name="zzzzz", since=today)),
        ("last day: a client that asks little", Filter(clients=few, since=today)),
        ("last day: a client that asks much", Filter(clients=many, since=today)),
        ("everything", Filter()),
        ("part of a name that many have", Filter(name="track")),
        ("part of a name that few have", Filter(name=rare)),
        ("part that no name has", Filter(name="zzzzz")),
        ("all names below a domain", Filter(name=".co.uk")),
        ("blocked, of one list", Filter(outcomes=BLOCKED, lists=frozenset({"List 3"}))),
        ("part of a rule", Filter(rule="track777.")),
        ("a client that asks little, and part of a name that many have", Filter(clients=few, name="ads")),
        ("a client that asks little, and part of a name that few have", Filter(clients=few, name=rare)),
        ("a client that there is not", Filter(clients=(ip_network("10.9.9.9/32"),))),
        ("half of the clients, one upstream, part of a rule (nothing has both)",
         Filter(clients=(ip_network("192.168.1.32/27"),), upstreams=frozenset({"1.1.1.1:53"}), rule="x")),
        ("blocked, and answered by an upstream (nothing is)",
         Filter(outcomes=BLOCKED, upstreams=frozenset({"9.9.9.9:53"}))),
        ("one type, forwarded, an hour five days ago",
         Filter(types=frozenset({28}), outcomes=FORWARDED, since=today - 5 * DAY, until=today - 5 * DAY + 3600)),
    ]  # fmt: skip


def look(directory: Path, last_day: int, rare: str) -> list[Search]:
    """The first page of each search."""
    reader = Reader(directory)
    found = []
    for about, wanted in searches(last_day, rare):
        took = []
        for _ in range(TRIES + 1):
            began = time.perf_counter()
            page = reader.page(wanted, 100)
            took.append((time.perf_counter() - began) * 1000)
        first, *others = took
        others.sort()
        found.append(Search(about, first, others[TRIES // 2], others[-1], len(page.rows), page.complete))
    return found


def export(directory: Path, last_day: int, tell: Callable[[str], None]) -> list[Export]:
    """The last day in every format."""
    reader = Reader(directory)
    rows = sum(1 for piece in reader.export(Filter(since=last_day * DAY), FORMATS["jsonl"]) for _ in piece.splitlines())
    found = []
    for name, form in FORMATS.items():
        began = time.process_time()
        octets = sum(map(len, reader.export(Filter(since=last_day * DAY), form)))
        spent = time.process_time() - began
        found.append(Export(name, rows / spent, octets / rows))
        tell(f"export {name}: {rows / spent:,.0f} rows a second")
    return found
