"""The names that are blocked and the questions that are asked, the same for every server and every run."""

from __future__ import annotations

import os
import random
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
SAMPLE: Final = 10_000
"""Blocked names that are asked again and again."""
CACHED: Final = 9_000
"""Forwarded names that are asked again and again; dnsmasq's cache holds 10,000."""
_SEED: Final = 850_000
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])")
_SYLLABLES: Final = [
    "ad",
    "ba",
    "click",
    "co",
    "da",
    "dex",
    "fi",
    "go",
    "in",
    "ka",
    "lo",
    "mi",
    "net",
    "ni",
    "pix",
    "po",
    "ra",
    "ro",
    "sta",
    "ta",
    "ter",
    "ti",
    "track",
    "tu",
    "ve",
    "vi",
    "xo",
    "ze",
]
_ENDINGS: Final = ["com", "net", "org", "info", "io", "xyz", "ru", "de", "co.uk", "com.br", "click", "top"]
_BATCH: Final = 4096
_OWN, _HOST, _WITH_NUMBER, _WITH_HYPHEN, _NUMBERED = 0.57, 0.7, 0.13, 0.245, 0.3


def _weighted(text: str) -> tuple[list[str], list[int]]:
    """``a:3 b:1`` -> what to choose from, and how often."""
    pairs = [one.partition(":") for one in text.split()]
    return [word.strip("_") for word, _, _ in pairs], [int(weight) for _, _, weight in pairs]


_ONSETS: Final = _weighted(
    "r:9 t:9 n:8 s:8 l:7 c:7 d:6 m:6 p:5 b:4 g:4 h:4 f:3 v:3 k:3 w:2 j:1 z:1 th:2 ch:3 st:3 tr:2 sh:2 pr:1 br:1"
)
_NUCLEI: Final = _weighted("a:22 e:26 i:18 o:18 u:9 ea:3 ou:3 ai:2 oo:2 ee:2 io:2")
_CODAS: Final = _weighted("_:55 n:9 r:8 s:8 t:6 l:5 m:3 d:2 ng:2 ck:1 x:1 st:1")
_ENDS: Final = _weighted(
    "com:438 tk:55 net:54 info:54 it:30 de:22 org:21 pl:21 com.br:18 xyz:16 site:14 cc:12 ru:12 co.uk:9 in:9 cn:9 online:8 "
    "com.au:7 eu:7 space:6 fr:6 nl:6 io:5 co.jp:5 website:5 ml:5 co:5 ga:5 biz:4 cf:4 top:4 ca:4 gq:3 us:3 tv:3 ch:3 vn:3 "
    "live:3 me:3 co.za:3"
)
_OFTEN: Final = _weighted(
    "www:62 analytics:6 stats:4 ads:3 cdn:3 go:2 metrics:2 track:2 smetrics:2 img:2 server:1 data:1 api:1 mail:1 static:1 "
    "pixel:1 click:1 m:1 news:1 shop:1"
)
_HOSTS: Final = ("", "", "", "ads.", "t.", "cdn.", "pixel.", "static.", "www.")


@dataclass(frozen=True, slots=True)
class Names:
    """What every server blocks."""

    blocked: tuple[str, ...]
    """Sorted, each once."""
    real: int
    """How many of them come from published lists; the others are generated."""

    @property
    def sample(self) -> list[str]:
        """The names that are asked again and again."""
        return random.Random(_SEED).sample(self.blocked, min(SAMPLE, len(self.blocked)))

    def fresh(self, part: int, parts: int) -> list[str]:
        """The ``part``-th of ``parts`` shares of all blocked names, in an order that no index profits from."""
        shuffled = list(self.blocked)
        random.Random(_SEED).shuffle(shuffled)
        return shuffled[part::parts]


def gather(count: int) -> Names:
    """``count`` names: those of the published lists beside the repository, filled up with generated ones."""
    found: set[str] = set()
    folder = shared_folder() / "lists"
    for path in sorted([*folder.glob("hosts/*.txt"), *folder.glob("domains/*.txt"), *folder.glob("adblock/*.txt")]):
        found.update(_names_in(path))
    if len(found) > count:
        found = set(random.Random(_SEED).sample(sorted(found), count))
    real = len(found)
    dice = random.Random(_SEED)
    while len(found) < count:
        word = "".join(dice.choice(_SYLLABLES) for _ in range(dice.randint(2, 4)))
        found.add(f"{dice.choice(_HOSTS)}{word}{dice.randint(0, 9999)}.{dice.choice(_ENDINGS)}")
    return Names(tuple(sorted(found)), real)


def realistic(count: int, seed: int = _SEED) -> Iterator[str]:
    """``count`` different names without a list at hand, no easier to pack than published ones.

    Of 700,000, an index takes as many octets a name as of the 700,000 in the published lists (6.0), and 5 million take fewer,
    as they would. Names are as long, and as many are hosts of a domain that another name has.
    """
    dice = random.Random(seed)
    domains: list[str] = []
    seen: set[str] = set()
    while len(seen) < count:
        ends, hosts = dice.choices(*_ENDS, k=_BATCH), dice.choices(*_OFTEN, k=_BATCH)
        sounds = [dice.choices(*weighted, k=_BATCH * 10) for weighted in (_ONSETS, _NUCLEI, _CODAS)]
        syllables = map("".join, zip(*sounds, strict=True))
        for end, host in zip(ends, hosts, strict=True):
            what = dice.random()
            if what < _OWN or not domains:
                label = "".join(islice(syllables, 3 + int(dice.random() * 2.2)))
                odd = dice.random()
                if odd < _WITH_NUMBER:
                    label += str(int(10 ** (1 + 2.5 * dice.random())))
                elif odd < _WITH_HYPHEN:
                    label += f"-{next(syllables)}"
                name = f"{label}.{end}"
                domains.append(name)
            elif what < _HOST:
                name = f"{host}.{dice.choice(domains)}"
            else:
                label = "".join(islice(syllables, 1 + int(dice.random() * 4)))
                number = str(dice.randrange(1000)) if dice.random() < _NUMBERED else ""
                name = f"{label}{number}.{domains[int(dice.random() ** 2 * len(domains))]}"
            if name not in seen:
                seen.add(name)
                yield name
                if len(seen) == count:
                    return


def shared_folder() -> Path:
    """Where published lists are kept; it need not exist."""
    return Path(os.environ.get("MIRAGE_HOLE_SHARED") or REPOSITORY.parent / "shared")


def cached_names() -> list[str]:
    """Names that are asked once before and then again and again."""
    return [f"c{number}.popular{number % 97}.org" for number in range(CACHED)]


def never_seen(session: str, count: int) -> list[str]:
    """Names that nobody asked before; ``session`` makes them differ from those of another call."""
    return [f"{session}-{number}.fresh{number % 89}.net" for number in range(count)]


def write_questions(path: Path, names: list[str]) -> Path:
    """A file for dnsperf. Only A: a hosts file says nothing about other types, and some servers would forward them."""
    path.write_text("".join(f"{name} A\n" for name in names))
    return path


def write_packets(path: Path, names: list[str]) -> Path:
    """A file for the latency client: length and query, over and over."""
    path.write_bytes(b"".join(struct.pack("!H", len(packet)) + packet for packet in map(query, names)))
    return path


def query(name: str, ident: int = 0) -> bytes:
    """A query for a name's A record."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return struct.pack("!6H", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def _names_in(path: Path) -> set[str]:
    names: set[str] = set()
    folder = path.parent.name
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            words = line.strip().lower().split()
            if folder == "hosts":
                candidates = words[1:] if words and words[0] in {"0.0.0.0", "127.0.0.1"} else []
            elif folder == "domains":
                candidates = words[:1]
            else:
                candidates = (
                    [words[0][2:-1]] if len(words) == 1 and words[0][:2] == "||" and words[0][-1] == "^" else []
                )
            names.update(name for name in candidates if len(name) < 254 and _NAME.fullmatch(name))
    return names
