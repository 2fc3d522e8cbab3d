"""A day in a house with a few devices: plausible statistics for pictures and for tests of the dashboard."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

from mirage_hole.api.state import ApiState, GenerationView
from mirage_hole.lists.rule import Action, Rule, Scope
from mirage_hole.observe.statistics import Statistics
from mirage_hole.policy.build import Builder
from mirage_hole.policy.explain import Explanation, explain
from mirage_hole.policy.index import ListInfo
from mirage_hole.policy.verdict import Outcome
from mirage_hole.sources.status import ListStatus
from mirage_hole.wire.names import from_text
from tests.observe.frames import frame, replays, ruled, single, subject

if TYPE_CHECKING:
    from collections.abc import Callable

TITLES = ("StevenBlack hosts", "OISD small", "HaGeZi Multi Pro", "Kids' tablet exceptions")
CLIENTS = (
    ("192.168.1.20", 30), ("192.168.1.24", 22), ("192.168.1.31", 15), ("192.168.1.42", 9), ("192.168.1.57", 7),
    ("fd7a:12c4:9e01::b3", 6), ("192.168.1.60", 4), ("192.168.1.88", 2), ("192.168.1.3", 1), ("127.0.0.1", 1),
)  # fmt: skip
ANSWERED = (
    ("github.com", 18), ("www.google.com", 17), ("en.wikipedia.org", 14), ("outlook.office365.com", 13),
    ("api.spotify.com", 12), ("time.cloudflare.com", 9), ("www.youtube.com", 9), ("gateway.icloud.com", 8),
    ("registry.npmjs.org", 5), ("deb.debian.org", 4), ("weather.metoffice.gov.uk", 3), ("www.zeit.de", 3),
    ("nas.home.arpa", 3), ("mqtt.home.arpa", 2), ("i.ytimg.com", 6), ("static.rust-lang.org", 1),
)  # fmt: skip
BLOCKED = (
    ("stats.g.doubleclick.net", "doubleclick.net", 0, 118_204, 22), ("googleads.g.doubleclick.net", "doubleclick.net", 0, 118_204, 15),
    ("www.google-analytics.com", "www.google-analytics.com", 0, 64_310, 13), ("app-measurement.com", "app-measurement.com", 1, 2_871, 11),
    ("device-metrics-us-2.amazon.com", "device-metrics-us-2.amazon.com", 2, 51_077, 9), ("graph.instagram.com", "graph.instagram.com", 2, 9_911, 3),
    ("incoming.telemetry.mozilla.org", "telemetry.mozilla.org", 2, 150_362, 6), ("logs.netflix.com", "logs.netflix.com", 2, 77_120, 6),
    ("browser.events.data.msn.com", "events.data.msn.com", 1, 12_044, 5), ("pagead2.googlesyndication.com", "googlesyndication.com", 1, 15_002, 7),
    ("ib.adnxs.com", "adnxs.com", 1, 2_340, 4), ("samsungads.com", "samsungads.com", 0, 9_120, 3),
)  # fmt: skip
UPSTREAMS = (("9.9.9.9", 14.2, True), ("149.112.112.112", 17.9, True), ("2620:fe::fe", 0.0, False))


class House:
    """Makes queries as its people and machines would; the same for the same seed."""

    def __init__(self, now: float, seed: int = 11) -> None:
        self._dice = random.Random(seed)
        self.statistics = Statistics()
        self.statistics.register_generation(12, TITLES)
        self.now = now

    def live_a_day(self) -> None:
        """24 hours, busy in the evening and quiet at night."""
        for minute in range(1440, 0, -1):
            at = self.now - minute * 60 + 20
            hour = (at / 3600) % 24
            busy = 5 + 26 * math.exp(-((hour - 20.5) ** 2) / 7) + 15 * math.exp(-((hour - 9) ** 2) / 6)
            busy += 9 * math.exp(-((hour - 14) ** 2) / 5)
            self.ask(at, max(0, round(self._dice.gauss(busy, busy**0.5 * 1.5))))
        for second in range(40, 0, -2):
            self.ask(self.now - second, self._dice.randrange(1, 4))
        self.report(self.now)

    def ask(self, at: float, number: int) -> None:
        """Some queries at one moment."""
        for _ in range(number):
            client = self._pick(CLIENTS)
            told, duration = self._query()
            segment = single(at, client, told, duration) if duration else replays(at, [(client, told)])
            self.statistics.fold_frame(frame(segment, generation=12), at)

    def report(self, at: float) -> None:
        """The worker's counters."""
        upstreams = [
            {"address": address, "port": 53, "sent": 9120 - 3000 * n, "answered": (9108, 6101, 0)[n], "timeouts": 4, "rtt_ms": rtt, "healthy": healthy}
            for n, (address, rtt, healthy) in enumerate(UPSTREAMS)
        ]  # fmt: skip
        self.statistics.workers.report(
            0, {"pid": 811, "generation": 12, "datagrams": 31_000, "upstreams": upstreams}, at
        )

    def _query(self) -> tuple[bytes, float]:
        dice = self._dice.random()
        qtype = self._dice.choices((1, 28, 65), (6, 3, 2))[0]
        if dice < 0.31:
            name, rule, list_id, line, _ = self._dice.choices(BLOCKED, [row[4] for row in BLOCKED])[0]
            return ruled(name, rule, list_id=list_id, line=line, qtype=qtype), 0.0
        if dice < 0.313:
            return subject("printer.old-office.example", Outcome.FAILED, rcode=2), 2.0
        if dice < 0.33:
            return ruled("cdn.kids-games.example", "kids-games.example", list_id=3, line=3, outcome=Outcome.CACHED), 0.0
        name = self._pick(ANSWERED)
        if name.endswith("home.arpa"):
            return subject(name, Outcome.LOCAL), 0.0002
        if self._dice.random() < 0.62:
            return subject(name, Outcome.CACHED, qtype=qtype), 0.0
        return subject(
            name, Outcome.FORWARDED, qtype=qtype, upstream=self._dice.choice((0, 0, 0, 1))
        ), self._dice.uniform(0.009, 0.041)

    def _pick(self, rows: tuple[tuple[str, int], ...]) -> str:
        return self._dice.choices([row[0] for row in rows], [row[1] for row in rows])[0]

    def state(self, clock: Callable[[], float] | None = None) -> ApiState:
        """What a web server of this house is given."""
        return ApiState(
            statistics=self.statistics,
            version="0.1.0",
            started_at=self.now - 86_400 * 3,
            listen=("192.168.1.2:53", "[fd7a:12c4:9e01::2]:53"),
            lists=self.lists,
            generation=lambda: GenerationView(12, self.now - 7000, 412_908),
            explain=self.explain,
            clock=clock or (lambda: self.now),
        )

    def lists(self) -> list[ListStatus]:
        """The configured lists in their different states."""
        good = self.now - 7200
        slow = "The download took longer than 60 seconds; the copy of two days ago serves on."
        return [
            _status(TITLES[0], "https://lists.example/hosts", "block", "hosts", 147_215, 12, good),
            _status(TITLES[1], "https://lists.example/small", "block", "adblock", 56_901, 0, good),
            _status(TITLES[2], "https://lists.example/pro", "block", "wildcard", 241_340, 3, good - 86_400 * 2, slow),
            _status(TITLES[3], "/etc/mirage-hole/kids.txt", "allow", "domains", 14, 0, good),
        ]

    def explain(self, name: bytes, qtype: int = 0, client: bytes = b"") -> Explanation:
        """What the rules of the scene say."""
        lists: list[dict[bytes, Rule]] = [{} for _ in TITLES]
        for known, text, list_id, line, _ in BLOCKED:
            wire = from_text(text)
            lists[list_id][wire] = Rule(wire, Action.BLOCK, Scope.EXACT if known == text else Scope.SUBTREE, line)
        builder = Builder()
        for rules in (*lists, {b"": Rule(from_text("doubleclick.net"), Action.BLOCK, Scope.SUBTREE, 18_230)}):
            builder.add_list(rules.values())
        infos = [ListInfo(title, "https://lists.example/", "block", "hosts", 1, 0) for title in (*TITLES, TITLES[1])]
        return explain(builder.build().as_policy(12, infos), name, qtype, client)


def _status(
    title: str, source: str, kind: str, form: str, rules: int, complaints: int, good: float, error: str = ""
) -> ListStatus:
    state = "old" if error else "live"
    return ListStatus(
        title, title, source, kind, state, form, rules, complaints, rules * 20, good, good, good + 86_400, error
    )
