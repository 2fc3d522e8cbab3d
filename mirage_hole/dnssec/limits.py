"""How much one validation may cost (KeyTrap, CVE-2023-50387; NSEC3 exhaustion, CVE-2023-50868). Counted, not timed."""

from __future__ import annotations

from typing import Final

from mirage_hole.dnssec.outcome import TooMuchWork

MAX_CHECKS: Final = 64
"""Signatures checked; each takes some tenths of a millisecond."""
MAX_FAILED: Final = 12
"""Signatures among them that were wrong: honest zones have none, so they end a validation sooner."""
MAX_CHECKS_A_SET: Final = 8
"""Pairs of signature and key tried for one RRset."""
MAX_KEYS_A_TAG: Final = 4
"""Keys of a zone with the same tag and algorithm; honest zones have one, and two once in a lifetime."""
MAX_KEYS: Final = 64
"""Keys, and DS records, looked at in one RRset."""
MAX_DIGESTS: Final = 32
"""DS digests computed."""
MAX_ROUNDS: Final = 5_000
"""Rounds of SHA-1 for NSEC3, iterations included: some milliseconds."""
MAX_ITERATIONS: Final = 100
"""NSEC3 iterations beyond which a zone counts as unsigned (RFC 9276 3.2 permits it)."""
MAX_PROOFS: Final = 16
"""NSEC and NSEC3 records of a reply that are looked at."""
MAX_QUESTIONS: Final = 64
"""Questions about DS and DNSKEY: names of reverse zones have up to 34 labels."""
MAX_ALIASES: Final = 16
"""CNAMEs and DNAMEs followed in one reply."""
MAX_RECORDS: Final = 256
"""Records of an RRset whose signatures are checked: each costs with every check. BIND keeps 100 a type."""
MAX_SETS: Final = 128
"""RRsets of a reply."""
SKEW: Final = 300
"""Seconds by which a clock may be wrong before signatures count as expired or not yet valid."""


class Work:
    """What a validation has done so far. Every ``count`` raises :class:`TooMuchWork` when it would be too much."""

    __slots__ = ("checks", "digests", "failed", "questions", "rounds")

    def __init__(self) -> None:
        self.checks = 0
        self.failed = 0
        self.digests = 0
        self.rounds = 0
        self.questions = 0

    def check(self) -> None:
        """One signature is about to be checked."""
        self.checks += 1
        if self.checks > MAX_CHECKS:
            raise TooMuchWork(f"more than {MAX_CHECKS} signatures to check")  # noqa: EM102

    def failure(self) -> None:
        """One signature was wrong."""
        self.failed += 1
        if self.failed > MAX_FAILED:
            raise TooMuchWork(f"more than {MAX_FAILED} wrong signatures")  # noqa: EM102

    def digest(self) -> None:
        """One DS digest is about to be computed."""
        self.digests += 1
        if self.digests > MAX_DIGESTS:
            raise TooMuchWork(f"more than {MAX_DIGESTS} DS digests to compute")  # noqa: EM102

    def hash(self, iterations: int) -> None:
        """One NSEC3 hash with so many further iterations is about to be computed."""
        self.rounds += iterations + 1
        if self.rounds > MAX_ROUNDS:
            raise TooMuchWork(f"more than {MAX_ROUNDS} rounds of NSEC3 hashing")  # noqa: EM102

    def question(self) -> None:
        """One more question must be asked."""
        self.questions += 1
        if self.questions > MAX_QUESTIONS:
            raise TooMuchWork(f"more than {MAX_QUESTIONS} questions about keys")  # noqa: EM102
