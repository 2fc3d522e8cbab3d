"""The names that are blocked and the questions that are asked, the same for every server and every run."""

from __future__ import annotations

import os
import random
import re
import struct
from dataclasses import dataclass
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
