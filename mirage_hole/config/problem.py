"""What is wrong with a setting, said so that it can be put right: where it was written, what it is, what to write."""

from __future__ import annotations

from typing import NamedTuple

MAX_SHOWN = 120


class Origin(NamedTuple):
    """Where a value was written."""

    kind: str
    """``flag``, ``environment``, ``file``, ``stored`` or ``default``."""
    where: str = ""
    """``--port``, ``MIRAGE_HOLE_PORT``, ``/etc/mirage-hole/config.toml:4``; for a default what it was derived from."""

    def __str__(self) -> str:
        if self.kind == "default":
            return f"default, {self.where}" if self.where else "default"
        return self.where


DEFAULT = Origin("default")


class BadValue(ValueError):  # noqa: N818 - reads as what it is at the raise
    """A value that can't be understood.

    Attributes:
        problem: what is wrong, without the value.
        instead: what to write, completing "write …".
    """

    def __init__(self, problem: str, instead: str) -> None:
        super().__init__(f"{problem}; write {instead}")
        self.problem = problem
        self.instead = instead


class Problem(NamedTuple):
    """One setting that is wrong, or one that deserves a warning."""

    setting: str
    """``server.port``; a file or a variable when the trouble is there."""
    value: object
    """As written; None when there is no value to show."""
    problem: str
    instead: str
    """What to do, in the imperative: "write 127.0.0.1:8080"; empty when the problem says it all."""
    origin: Origin = DEFAULT

    def __str__(self) -> str:
        value = "" if self.value is None else f" = {shown(self.value)}"
        where = "" if self.value is None and self.origin == DEFAULT else str(self.origin)
        place = f" ({where})" if where and where != self.setting else ""
        advice = f"; {self.instead}" if self.instead else ""
        return f"{self.setting}{value}{place}: {self.problem}{advice}"


def shown(value: object) -> str:
    """A value for a message: quoted if text, printable, on one line, at most 120 characters."""
    text = repr(list(value)) if isinstance(value, tuple) else repr(value)
    text = {"True": "true", "False": "false"}.get(text, text)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
