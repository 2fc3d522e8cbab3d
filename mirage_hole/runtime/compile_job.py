"""What the compiler process is asked, and what it answers: JSON in both directions, one object each.

Both ends import this module; it imports neither of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from mirage_hole.lists.formats import FORMATS
from mirage_hole.lists.rule import Complaint


class BadJob(ValueError):  # noqa: N818 - reads as what it is at the raise
    """The job makes no sense; the message says where and why."""


class ListJob(NamedTuple):
    """One list to compile."""

    path: Path
    """Its text on disk."""
    title: str
    """Empty: the title that the text gives itself, else the source."""
    source: str
    """URL, path or catalogue name, as it was configured."""
    kind: str
    """``block`` or ``allow``."""
    format: str | None = None
    """None: found out."""

    @property
    def asked(self) -> str:
        """Format and title together, so that it is noticed when others are asked for; empty when none are."""
        return f"{self.format or ''}|{self.title}".strip("|")


@dataclass(frozen=True, slots=True)
class CompileJob:
    """Compile these lists into this generation."""

    state: Path
    """The state directory."""
    generation: int
    lists: tuple[ListJob, ...]

    def to_json(self) -> bytes:
        return orjson.dumps(
            {
                "state": str(self.state),
                "generation": self.generation,
                "lists": [{**one._asdict(), "path": str(one.path)} for one in self.lists],
            }
        )

    @classmethod
    def from_json(cls, data: bytes) -> CompileJob:
        """Read a job.

        Raises:
            BadJob: no JSON, a field is missing or of the wrong kind.
        """
        try:
            raw = orjson.loads(data)
            lists = tuple(_read_list(number, one) for number, one in enumerate(raw["lists"]))
            generation = raw["generation"]
            if not isinstance(generation, int) or generation < 1:
                message = f"generation is {generation!r}; it must be a number from 1"
                raise BadJob(message)
            return cls(Path(raw["state"]), generation, lists)
        except (orjson.JSONDecodeError, KeyError, TypeError) as problem:
            message = f"not a job: {type(problem).__name__} {problem}"
            raise BadJob(message) from problem


@dataclass(frozen=True, slots=True)
class CompiledList:
    """What became of one list."""

    title: str
    source: str
    kind: str
    format: str
    rules: int
    complaints: int
    reasons: dict[str, int]
    """How many complaints of each kind."""
    first_complaints: tuple[Complaint, ...]
    reused: bool = False
    """Whether its text was the one that is packed already, so that it was not parsed."""
    seconds: float = 0.0
    """What reading it took."""


@dataclass(frozen=True, slots=True)
class CompileResult:
    """How a compilation ended."""

    ok: bool
    error: str = ""
    """One sentence; empty when ``ok``."""
    generation: int = 0
    path: Path | None = None
    """The new generation's directory."""
    names: int = 0
    """Distinct names with rules."""
    octets: int = 0
    """Size of the index: what a worker maps or reads."""
    disk_octets: int = 0
    """Size of the whole generation: with line numbers and report."""
    lists: tuple[CompiledList, ...] = ()
    seconds: float = 0.0
    peak_kib: int = 0
    """Largest resident memory of the compiler process."""

    def to_json(self) -> bytes:
        return orjson.dumps(self, default=_plain)

    @classmethod
    def from_json(cls, data: bytes) -> CompileResult:
        """Read a result.

        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        raw = orjson.loads(data)
        raw["path"] = Path(raw["path"]) if raw["path"] else None
        raw["lists"] = tuple(
            CompiledList(**{**one, "first_complaints": tuple(Complaint(*each) for each in one["first_complaints"])})
            for one in raw["lists"]
        )
        return cls(**raw)


def _read_list(number: int, raw: dict[str, Any]) -> ListJob:
    one = ListJob(Path(raw["path"]), raw["title"], raw["source"], raw["kind"], raw.get("format"))
    if one.kind not in {"block", "allow"}:
        message = f"lists[{number}].kind is {one.kind!r}; write block or allow"
        raise BadJob(message)
    if one.format is not None and one.format not in FORMATS:
        message = f"lists[{number}].format is {one.format!r}; write one of {', '.join(FORMATS)}, or null"
        raise BadJob(message)
    return one


def _plain(value: object) -> object:
    if isinstance(value, Complaint):
        return list(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError
