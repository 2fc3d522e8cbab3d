"""What denials prove: the answers of :mod:`nsec` and :mod:`nsec3` to the same four questions.

They are given only records whose signatures were right, all of one zone; what they prove follows from these alone.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Denied(IntEnum):
    """What is proven."""

    NOTHING = 0
    NAME = 1
    """There is no such name, and no wildcard that would stand for it."""
    TYPE = 2
    """The name, or the wildcard that stands for it, has no records of the type."""
    OPTED_OUT = 3
    """Only that nothing is signed: there may be an unsigned delegation (RFC 5155 6)."""


class Denial(NamedTuple):
    """A proof, or why there is none."""

    what: Denied
    reason: str = ""
    """For people, when nothing is proven."""
    cut: bool = False
    """The name is a delegation. Asked for DS, that makes it an unsigned one."""
    ends: bool = False
    """There is no such name, so there is nothing below either, though a wildcard may answer for it."""


class Proof(Protocol):
    """The verified denial records of one reply and one zone."""

    def deny(self, name: bytes, rrtype: int) -> Denial:
        """What is proven of a name and type."""

    def expanded(self, name: bytes, encloser: bytes) -> Denial:
        """Whether a wildcard directly below ``encloser`` may stand for ``name`` (RFC 4035 5.3.4, RFC 5155 8.8).

        ``NAME`` when nothing nearer is there, ``OPTED_OUT`` when an unsigned delegation may be.
        """


def nothing(reason: str) -> Denial:
    return Denial(Denied.NOTHING, reason)


def best(denials: Sequence[Denial]) -> Denial:
    """The first that proves something, else the first."""
    return next((one for one in denials if one.what is not Denied.NOTHING), denials[0])
