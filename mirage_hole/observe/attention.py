"""Which of the things that the control plane sees need attention. Pure: told what is seen, and what time it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.observe.notices import Condition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mirage_hole.observe.notices import Severity
    from mirage_hole.observe.workers import UpstreamView

FAILED: Final = 3
"""Failures of a list in a row that are worth a notice: one is a server's bad minute."""
ALL_DOWN: Final = 5.0
"""Seconds without any upstream."""
ONE_DOWN: Final = 60.0
"""Seconds without one of several."""
CALM: Final = 60.0
"""Seconds after which a flood that is not seen any more is over."""
ENDS: Final = 3
"""Ends of workers within :data:`ENDS_WITHIN` that are worth a notice."""
ENDS_WITHIN: Final = 600.0
DROPS_FOR: Final = 300.0
"""Seconds without a further loss after which the losses are over."""
EXPIRES: Final = 14 * 86400.0
"""Seconds before its end at which a certificate is worth a notice."""
LAST_DAYS: Final = 3 * 86400.0
_MAX_NAMED: Final = 5


class ListSeen(NamedTuple):
    """One list, as :class:`mirage_hole.sources.status.ListStatus` has it."""

    key: str
    title: str
    state: str
    error: str
    held: str
    last_try: float | None
    last_change: float | None


class Seen(NamedTuple):
    """Everything at one moment."""

    lists: Sequence[ListSeen] = ()
    upstreams: Sequence[UpstreamView] = ()
    stopped: Sequence[str] = ()
    """Clients that are stopped now, for people."""
    stopped_count: int = 0
    flood_dropped: int = 0
    """Datagrams, since the start."""
    storage: str = ""
    """What is wrong with the disk; empty for nothing."""
    compile_error: str = ""
    worker_ends: int = 0
    """Unwanted ends, since the start."""
    certificate_left: float | None = None
    """Seconds until it expires; None: there is no certificate."""
    certificate_trouble: str = ""
    """What is wrong with its files; empty for nothing."""
    rows_dropped: int = 0
    """Queries that are missing in the log or the statistics, since the start."""


class Watch:
    """Remembers what it needs to say since when something is so. Times are seconds of a clock that only goes forward."""

    __slots__ = (
        "_changed", "_down", "_dropped", "_dropped_at", "_dropped_before", "_ends", "_ends_at", "_failures", "_flood_at", "_flood_text",
        "_flooded", "_told_down", "_upstreams_before", "updated",
    )  # fmt: skip

    def __init__(self) -> None:
        self._failures: dict[str, tuple[float | None, int]] = {}
        self._changed: dict[str, float | None] = {}
        self._down: dict[str, float] = {}
        self._told_down: set[str] = set()
        self._upstreams_before: Sequence[UpstreamView] = ()
        self._flood_at: float | None = None
        self._flood_text = ""
        self._flooded = 0
        self._ends = 0
        self._ends_at: list[float] = []
        self._dropped = 0
        self._dropped_before = 0
        self._dropped_at: float | None = None
        self.updated: list[Condition] = []
        """Events of the last look: lists that have new versions."""

    def look(self, seen: Seen, now: float) -> list[Condition]:
        """What is the case."""
        return [
            *self._lists(seen),
            *self._upstreams(seen.upstreams, now),
            *self._flood(seen, now),
            *self._storage(seen),
            *self._workers(seen.worker_ends, now),
            *self._certificate(seen.certificate_left, seen.certificate_trouble),
            *self._losses(seen.rows_dropped, now),
        ]

    def _lists(self, seen: Seen) -> Iterator[Condition]:
        known, changed, self.updated = {}, {}, []
        for one in seen.lists:
            last_try, count = self._failures.get(one.key, (None, 0))
            if not one.error:
                count = 0
            elif one.last_try != last_try:
                count += 1
            known[one.key] = (one.last_try, count)
            changed[one.key] = one.last_change
            before = self._changed.get(one.key)
            if before is not None and one.last_change is not None and one.last_change > before:
                title, text = f"{one.title}: new version", f"The list {one.title} has a new version, which is used."
                self.updated.append(Condition("list-updated", one.key, "info", title, text, ""))
            if count >= FAILED:
                serves = "there is no older copy" if one.state == "missing" else "an older copy serves"
                yield Condition(
                    "list-failing",
                    one.key,
                    "critical" if one.state == "missing" else "warning",
                    f"{one.title} can't be loaded",
                    f"The list {one.title} has failed again and again, and {serves}: {one.error}.",
                    "See: mirage-hole lists report",
                )
            if one.held:
                text = f"A new version of {one.title} is not used: {one.held}."
                yield Condition("list-held", one.key, "warning", f"{one.title} is held back", text, "")
        self._failures, self._changed = known, changed
        if seen.compile_error:
            text = f"The lists could not be compiled, so the last good ones serve: {seen.compile_error}."
            yield Condition("list-failing", "", "critical", "The lists can't be compiled", text, "See the server's log")

    def _upstreams(self, upstreams: Sequence[UpstreamView], now: float) -> Iterator[Condition]:
        if not upstreams and self._upstreams_before:
            # No worker lives, so nobody knows: what was the case counts.
            upstreams = self._upstreams_before
        self._upstreams_before = upstreams
        down = [one.address for one in upstreams if not one.healthy]
        self._down = {address: min(self._down.get(address, now), now) for address in down}
        self._told_down &= set(down)
        everything = len(down) == len(upstreams) > 0
        if everything and now - max(self._down.values()) >= ALL_DOWN:
            text = f"None of the upstreams answers ({_named(down)}): what is known is answered, the rest fails."
            yield Condition(
                "upstream-down", "", "critical", "No upstream answers", text,
                "Check the network's way out, then: mirage-hole upstreams test",
            )  # fmt: skip
        for address in down:
            # While all are down, one notice says it; those that were told before stay.
            if address in self._told_down or (not everything and now - self._down[address] >= ONE_DOWN):
                self._told_down.add(address)
                text = f"The upstream {address} does not answer; the others are asked."
                advice = "If it is gone for good, take it out of the settings"
                yield Condition("upstream-down", address, "warning", f"{address} does not answer", text, advice)

    def _flood(self, seen: Seen, now: float) -> Iterator[Condition]:
        if seen.stopped_count or seen.flood_dropped > self._flooded:
            if self._flood_at is None or seen.stopped or not self._flood_text:
                who = _named(list(seen.stopped)) if seen.stopped else "clients whose addresses are not known yet"
                self._flood_text = f"More is asked than is answered, and it is dropped unread: {who}."
            self._flood_at = now
        self._flooded = seen.flood_dropped
        if self._flood_at is None:
            return
        if not 0 <= now - self._flood_at < CALM:
            self._flood_at, self._flood_text = None, ""
            return
        advice = "Look at what runs there; limits.exempt lets a client ask as much as it likes"
        yield Condition("flood", "", "warning", "A client floods this server", self._flood_text, advice)

    @staticmethod
    def _storage(seen: Seen) -> Iterator[Condition]:
        if seen.storage:
            text = f"Nothing new is kept, and DNS is answered as before: {seen.storage}."
            yield Condition("storage", "", "critical", "The disk can't be written", text, "Free some space, or mend it")

    def _workers(self, ends: int, now: float) -> Iterator[Condition]:
        self._ends_at = [at for at in self._ends_at if 0 <= now - at < ENDS_WITHIN]
        self._ends_at += [now] * min(max(0, ends - self._ends), 100)
        self._ends = ends
        if len(self._ends_at) >= ENDS:
            text = f"Workers have ended {len(self._ends_at)} times within ten minutes, and were replaced."
            advice = "See the server's log, and report it"
            yield Condition("worker", "", "critical", "Workers end again and again", text, advice)

    @staticmethod
    def _certificate(left: float | None, trouble: str) -> Iterator[Condition]:
        if trouble:
            text = (
                f"The certificate of the web server can't be loaded, so the one before it serves, or none: {trouble}."
            )
            advice = "Mend the files; they are looked at again by themselves"
            yield Condition("certificate", "files", "critical", "The certificate can't be loaded", text, advice)
        if left is None or left > EXPIRES:
            return
        text = (
            "The certificate of the web server has expired."
            if left <= 0
            else f"The certificate of the web server expires in {max(1, round(left / 86400))} days."
        )
        severity: Severity = "critical" if left < LAST_DAYS else "warning"
        title = "The certificate has expired" if left <= 0 else "The certificate expires soon"
        yield Condition("certificate", "", severity, title, text, "Renew it; the new file is noticed by itself")

    def _losses(self, dropped: int, now: float) -> Iterator[Condition]:
        if dropped > self._dropped:
            if self._dropped_at is None:
                self._dropped_before = self._dropped
            self._dropped_at = now
        self._dropped = dropped
        if self._dropped_at is None:
            return
        if not 0 <= now - self._dropped_at < DROPS_FOR:
            self._dropped_at = None
            return
        lost = dropped - self._dropped_before
        text = f"{lost} queries were answered, and are missing in the log or the statistics."
        advice = "The disk or the processor is too slow for so many; see: mirage-hole healthcheck"
        yield Condition("log-dropped", "", "warning", "Queries are missing in the log", text, advice)


def new_device(device: str, name: str) -> Condition:
    """Somebody asks who never did before."""
    who = f"{name} ({device})" if name else device
    text = f"{who} asks this server for the first time."
    return Condition("new-device", device, "info", f"New device: {who}", text, "If you don't know it, look what it is")


def new_rules(version: str) -> Condition:
    """The program has brought other built-in rules than before."""
    text = f"Version {version} has brought new built-in rules and a new catalogue of lists."
    return Condition("new-rules", version, "info", "New built-in rules", text, "")


def _named(names: list[str]) -> str:
    more = len(names) - _MAX_NAMED
    return ", ".join(names[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
