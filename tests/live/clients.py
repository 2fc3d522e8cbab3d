"""dig, kdig and delv, and what they say."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.live.processes import tool


class Dug(NamedTuple):
    """What a client of the dig family printed."""

    text: str

    @property
    def status(self) -> str:
        """Such as NOERROR; empty without an answer."""
        found = re.search(r"status: (\w+)", self.text)
        return found[1] if found else ""

    @property
    def flags(self) -> set[str]:
        """Such as qr rd ra."""
        found = re.search(r"(?i);; flags: ([^;]*);", self.text)
        return set(found[1].split()) if found else set()

    @property
    def errors(self) -> list[int]:
        """The codes of Extended DNS Errors."""
        return [int(code) for code in re.findall(r"EDE: (\d+)", self.text)]

    @property
    def records(self) -> list[list[str]]:
        """All records of all sections, as words: name, TTL, class, type, data."""
        lines = [line.split() for line in self.text.splitlines() if line and not line.startswith(";")]
        return [words for words in lines if len(words) > 4 and words[2] == "IN"]

    def data(self, kind: str) -> list[str]:
        """The data of all records of a type."""
        return [" ".join(words[4:]) for words in self.records if words[3] == kind]

    def cookie(self) -> str:
        """The cookie that came, in hex, ``good`` or not."""
        found = re.search(r"COOKIE: ([0-9a-fA-F]+)", self.text)
        return found[1] if found else ""


def dig(port: int, *arguments: str) -> Dug:
    """Ask 127.0.0.1 once, without a second try and with ten seconds of patience."""
    return Dug(_run(tool("dig"), "+nocmd", "@127.0.0.1", "-p", str(port), "+tries=1", "+timeout=10", *arguments))


def kdig(port: int, *arguments: str) -> Dug:
    """The same with knot's client."""
    return Dug(_run(tool("kdig"), "@127.0.0.1", "-p", str(port), "+retry=0", "+timeout=10", *arguments))


def delv(port: int, anchor: str, directory: Path, *arguments: str) -> str:
    """Validate with BIND's library: the resolver is asked for all the chain. ``anchor`` is the root's DS."""
    tag, algorithm, digest_type, digest = anchor.split(" ", 3)
    keys = directory / "anchor.conf"
    keys.write_text(
        f'trust-anchors {{ . static-ds {tag} {algorithm} {digest_type} "{digest.replace(" ", "").upper()}"; }};\n'
    )
    return _run(tool("delv"), "@127.0.0.1", "-p", str(port), "-a", str(keys), "+root=.", *arguments)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr
