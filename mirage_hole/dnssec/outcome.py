"""What validation ends in, for programs and for people, and the exceptions that carry it up from where it was found."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from mirage_hole.wire.codes import EdeCode


class Status(IntEnum):
    """RFC 4033 section 5."""

    SECURE = 0
    """Every record has a chain of signatures from a trust anchor."""
    INSECURE = 1
    """It is proven, or was configured, that there is no such chain: as good as any answer without DNSSEC."""
    BOGUS = 2
    """There should be a chain, and it is broken: nobody may see this answer."""
    INDETERMINATE = 3
    """It could not be found out, since an answer is missing or the work became too much."""


class Result(NamedTuple):
    """The end of a validation."""

    status: Status
    code: int = 0
    """An :class:`mirage_hole.wire.codes.EdeCode` when ``text`` is not empty."""
    text: str = ""
    """Why, for people; empty when there is nothing to say."""
    ttls: tuple[tuple[int, int], ...] = ()
    """(offset in the reply's records, seconds): TTLs that are longer than the signatures permit (RFC 4035 5.3.3)."""
    answer_end: int = -1
    """What stands behind this offset in the reply's records is not part of what is secure, and must go; -1: all may stay."""


class Ended(Exception):  # noqa: N818 - reads as what it is at the raise
    """The validation, or one piece of it, ends here."""

    status = Status.INDETERMINATE

    def __init__(self, code: EdeCode | int, text: str) -> None:
        super().__init__(text)
        self.code = int(code)
        self.text = text

    @property
    def result(self) -> Result:
        return Result(self.status, self.code, self.text)


class Bogus(Ended):
    """A proof is missing or wrong."""

    status = Status.BOGUS


class Insecure(Ended):
    """It is proven that nothing is signed here, or that nobody can check it."""

    status = Status.INSECURE

    def __init__(self, code: EdeCode | int = 0, text: str = "") -> None:
        super().__init__(code, text)


class Unknown(Ended):
    """It could not be found out."""


class TooMuchWork(Unknown):
    """The bounds of :mod:`mirage_hole.dnssec.limits` are reached."""

    def __init__(self, what: str) -> None:
        super().__init__(EdeCode.DNSSEC_INDETERMINATE, f"validation given up: {what}")


def ended_by(result: Result) -> Ended:
    """What ended a validation, to end another one in the same way. A new one, since exceptions gather what they passed."""
    if result.status is Status.BOGUS:
        return Bogus(result.code, result.text)
    return (Insecure if result.status is Status.INSECURE else Unknown)(result.code, result.text)
