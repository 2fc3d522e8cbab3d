"""Query logs for tests: frames as workers send them, and what a search must find in them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from mirage_hole.observe.record import NO_LIST, NO_UPSTREAM, Subject, encode_frame, encode_singles, encode_subject
from mirage_hole.policy.verdict import Outcome
from mirage_hole.store.querylog.keeping import Keep
from mirage_hole.store.querylog.writer import LogWriter, Words
from mirage_hole.wire.names import from_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mirage_hole.store.querylog.filters import Filter

TODAY = 20_000
NOON = TODAY * 86_400 + 43_200.0
TITLES = ("Ads", "Trackers")
UPSTREAMS = ("9.9.9.9:53", "1.1.1.1:53")


@dataclass(frozen=True)
class Asked:
    """One query as it is put in."""

    at: float = NOON
    name: str = "www.example.com"
    client: str = "192.168.1.7"
    qtype: int = 1
    outcome: Outcome = Outcome.FORWARDED
    rcode: int = 0
    list_id: int | None = None
    upstream: int | None = None
    transport: int = 0
    duration: float = 0.0

    @property
    def subject(self) -> bytes:
        wire = from_text(self.name)
        ruled = self.list_id is not None
        where = (self.list_id, 7, wire, 1) if ruled else (NO_LIST, 0, b"", 0)
        upstream = NO_UPSTREAM if self.upstream is None else self.upstream
        return encode_subject(Subject(self.outcome, self.rcode, self.qtype, *where, upstream, wire))  # type: ignore[arg-type]

    def fits(self, wanted: Filter) -> bool:
        """What a search means, said a second time."""
        name = wanted.name
        named = (
            self.name == name[1:]
            if name.startswith("=")
            else (self.name == name[1:] or self.name.endswith(name))
            if name.startswith(".")
            else name in self.name
        )
        return (
            named
            and (not wanted.clients or any(ip_address(self.client) in network for network in wanted.clients))
            and (not wanted.types or self.qtype in wanted.types)
            and (not wanted.outcomes or int(self.outcome) in wanted.outcomes)
            and (not wanted.rcodes or self.rcode in wanted.rcodes)
            and (not wanted.transports or self.transport in wanted.transports)
            and (not wanted.lists or (self.list_id is not None and TITLES[self.list_id] in wanted.lists))
            and (not wanted.rule or (self.list_id is not None and wanted.rule in self.name))
            and (not wanted.upstreams or (self.upstream is not None and UPSTREAMS[self.upstream] in wanted.upstreams))
            and self.at >= wanted.since
            and (not wanted.until or self.at < wanted.until)
        )


def frames_of(queries: Iterable[Asked]) -> list[tuple[bytes, int]]:
    """A frame a query, in order."""
    return [
        (
            encode_frame(
                1,
                [encode_singles(one.at, one.transport, [ip_address(one.client).packed], [one.duration], [one.subject])],
            ),
            1,
        )
        for one in queries
    ]


def a_writer(
    directory: Path, *, now: Callable[[], float] = lambda: NOON, keep: Keep | None = None, max_queue: int = 1 << 26,
    every: float = 0.01,
) -> LogWriter:  # fmt: skip
    words = Words(
        lambda _generation, number: TITLES[number], lambda _generation, subject: subject.line, UPSTREAMS.__getitem__
    )
    return LogWriter(directory, words, keep or Keep(), every=every, clock=now, max_queue=max_queue)


def write(directory: Path, queries: Iterable[Asked], **options: object) -> LogWriter:
    """Write these and end; the writer, for its counts."""
    writer = a_writer(directory, **options)  # type: ignore[arg-type]
    for frame, rows in frames_of(queries):
        writer.offer(frame, rows)
    writer.start()
    assert writer.stop(60)
    return writer
