"""A family, its devices and what they ask for: made up, but as a house would do it."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path
from typing import Final, NamedTuple

from mirage_hole.lists.rule import Scope
from mirage_hole.policy.verdict import Outcome

LOCAL: Final = ".home.arpa"
CONSTANT: Final = "constant"
"""The taste of devices that ask day and night."""


class Device(NamedTuple):
    """Something on the network."""

    name: str
    """Empty: nobody has named it."""
    address: str
    tags: tuple[str, ...]
    taste: str
    share: int
    """How much it asks, beside the others."""
    age: float = 35.0
    """Days since it came."""


DEVICES: Final = (
    Device("Ada's phone", "192.168.1.20", ("device_phone",), "phone", 26),
    Device("Living room TV", "192.168.1.31", ("device_tv",), "television", 21),
    Device("Desk", "192.168.1.24", ("device_pc",), "desk", 24),
    Device("Grace's tablet", "192.168.1.42", ("device_phone", "child"), "phone", 13),
    Device("NAS", "192.168.1.3", ("device_nas",), CONSTANT, 6),
    Device("Kitchen speaker", "192.168.1.57", ("device_audio",), "speaker", 5),
    Device("Printer", "192.168.1.60", ("device_printer",), CONSTANT, 1),
    Device("", "192.168.1.77", (), "vacuum", 3, 0.4),
)

NAMES: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    "phone": (
        ("gateway.icloud.com", 14), ("www.google.com", 10), ("app-measurement.com", 10), ("graph.facebook.com", 6),
        ("i.ytimg.com", 9), ("outlook.office365.com", 9), ("stats.g.doubleclick.net", 8), ("api.weather.com", 5),
        ("app.adjust.com", 6), ("api.segment.io", 5), ("www.google-analytics.com", 6), ("signal.org", 5),
        ("chat.signal.org", 7), ("api.spotify.com", 6), ("nas.home.arpa", 2), ("branch.io", 3), ("www.bbc.co.uk", 3),
    ),
    "television": (
        ("samsungads.com", 13), ("samsungacr.com", 10), ("logs.netflix.com", 12), ("api-global.netflix.com", 12),
        ("occ-0-1167-1168.1.nflxso.net", 9), ("www.youtube.com", 9), ("i.ytimg.com", 8), ("ads.youtube.com", 6),
        ("time.samsungcloudsolution.com", 6), ("scorecardresearch.com", 3), ("nas.home.arpa", 2),
    ),
    "desk": (
        ("github.com", 16), ("api.github.com", 9), ("pypi.org", 5), ("files.pythonhosted.org", 4), ("www.zeit.de", 5),
        ("incoming.telemetry.mozilla.org", 7), ("en.wikipedia.org", 8), ("registry.npmjs.org", 5), ("criteo.com", 5),
        ("pagead2.googlesyndication.com", 7), ("ib.adnxs.com", 5), ("static.hotjar.com", 4), ("taboola.com", 4),
        ("deb.debian.org", 4), ("outlook.office365.com", 8), ("amazon-adsystem.com", 4), ("nas.home.arpa", 5),
        ("printer.home.arpa", 1), ("old-intranet.example.org", 1), ("www.google.com", 8), ("lobste.rs", 3),
    ),
    "speaker": (
        ("device-metrics-us-2.amazon.com", 12), ("api.amazonalexa.com", 12), ("api.spotify.com", 8),
        ("ntp-g7g.amazon.com", 6), ("audio-fa.scdn.co", 6),
    ),
    CONSTANT: (
        ("time.cloudflare.com", 10), ("checkip.synology.com", 6), ("update.synology.com", 4), ("mqtt.home.arpa", 6),
        ("hooks.example.org", 2), ("pool.ntp.org", 5),
    ),
    "vacuum": (("eu.ot.io.mi.com", 20), ("ott.io.mi.com", 12), ("tracker.example", 1), ("pool.ntp.org", 3)),
}  # fmt: skip


class Found(NamedTuple):
    """The rule of a list that blocks a name."""

    title: str
    rule: str
    scope: Scope
    line: int


class Asked(NamedTuple):
    """One query and what became of it."""

    at: float
    device: Device
    name: str
    qtype: int
    outcome: Outcome
    rcode: int
    found: Found | None
    upstream: str
    took: float


class Lists:
    """What lists say of the few names that are asked for: so that what is told of a query is what the server itself would say."""

    def __init__(self, paths: tuple[Path, ...]) -> None:
        wanted = {name for names in NAMES.values() for name, _ in names}
        wanted |= {name.split(".", 1)[1] for name in wanted if name.count(".") > 1}
        self._rules: list[tuple[str, dict[str, tuple[Scope, int]]]] = []
        for path in paths:
            title, rules = path.stem, dict[str, tuple[Scope, int]]()
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                if called := re.match(r"[#!] Title: (.+)", line):
                    title = called[1]
                rule = re.fullmatch(r"(\|\||0\.0\.0\.0 )([\w.-]+)\^?", line)
                if rule and rule[2] in wanted:
                    rules[rule[2]] = (Scope.SUBTREE if rule[1] == "||" else Scope.EXACT, number)
            self._rules.append((title, rules))

    def find(self, name: str) -> Found | None:
        """The rule that decides: the one that says most of the name, of the first list that has it."""
        parents = [name, *(name.split(".", depth)[-1] for depth in range(1, name.count(".")))]
        for parent in parents:
            for title, rules in self._rules:
                scope, line = rules.get(parent, (Scope.EXACT, 0))
                if line and (parent == name or scope is Scope.SUBTREE):
                    return Found(title, parent, scope, line)
        return None


class Household:
    """Makes queries; the same for the same seed and time."""

    def __init__(self, now: float, lists: Lists, upstreams: tuple[str, ...], zone: int = 1, seed: int = 11) -> None:
        """``zone``: hours that its clocks are ahead of UTC."""
        self.now = now
        self._zone = zone
        self._dice = random.Random(seed)
        self._found = {name: lists.find(name) for names in NAMES.values() for name, _ in names}
        self._upstreams = upstreams

    def asks(self, since: float, seconds: float) -> list[Asked]:
        """The queries of some seconds, oldest first."""
        dice, found = self._dice, []
        for device in DEVICES:
            if self.now - since > device.age * 86_400:
                continue
            busy = 1.0 if device.taste == CONSTANT else _busy(since + self._zone * 3600)
            many = device.share * busy * seconds / 3600 * 25
            names = NAMES[device.taste]
            count = max(0, round(dice.gauss(many, many**0.5 * 1.4)))
            for name in dice.choices([row[0] for row in names], [row[1] for row in names], k=count):
                found.append(self._one(since + dice.random() * seconds, device, name))
        return sorted(found)

    def _one(self, at: float, device: Device, name: str) -> Asked:
        dice = self._dice
        qtype = dice.choices((1, 28, 65), (6, 3, 2))[0]
        quick = dice.lognormvariate(-8.6, 0.5)
        blocked = self._found[name]
        if blocked:
            return Asked(at, device, name, qtype, Outcome.BLOCKED, 0, blocked, "", quick)
        if name.endswith(LOCAL):
            return Asked(at, device, name, qtype, Outcome.LOCAL, 0, None, "", quick)
        if name.startswith("old-") or dice.random() < 0.002:
            return Asked(at, device, name, qtype, Outcome.FAILED, 2, None, self._upstreams[0], 0.07)
        if dice.random() < 0.61:
            return Asked(at, device, name, qtype, Outcome.CACHED, 0, None, "", quick)
        which = dice.random() < 0.27
        took = dice.lognormvariate(-4.1 + 0.3 * which, 0.45)
        return Asked(at, device, name, qtype, Outcome.FORWARDED, 0, None, self._upstreams[which], took)


def _busy(at: float) -> float:
    """How much a house asks when its clocks show this, beside its evening."""
    hour, weekend = at / 3600 % 24, (at // 86_400 + 4) % 7 in {0, 6}
    bumps = ((20.5, 6.0, 1.0), (8.0, 4.0, 0.5 + 0.1 * weekend), (13.5, 7.0, 0.35 + 0.3 * weekend))
    return 0.1 + sum(height * math.exp(-((hour - middle) ** 2) / width) for middle, width, height in bumps)
