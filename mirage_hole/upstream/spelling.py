"""Questions in random spelling: an answer must repeat it letter by letter, which a forger would have to guess, too.

"0x20" (draft-vixie-dnsext-dns0x20-00). Each letter is one more bit than port and ID have; some servers answer in lower case
whatever they are asked, and are remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mirage_hole.upstream.verify import answers
from mirage_hole.wire.names import fold

if TYPE_CHECKING:
    from collections.abc import Callable

_BEHIND_NAME = 4  # type and class


def at_random(question: bytes, dice: Callable[[], int]) -> bytes:
    """``question`` with each letter of its name in upper or lower case; itself when that changes nothing.

    Args:
        question: folded name, type and class.
        dice: gives random 16-bit numbers.
    """
    end = len(question) - _BEHIND_NAME
    spelt = bytearray(question)
    bits = left = 0
    for at in range(end):
        # The octets that tell a label's length are below 64, and no letters.
        if 0x61 <= spelt[at] <= 0x7A:
            if not left:
                bits, left = dice(), 16
            if bits & 1:
                spelt[at] ^= 0x20
            bits >>= 1
            left -= 1
    return bytes(spelt) if spelt != question else question


def answers_in_another(reply: bytes, question: bytes) -> bool:
    """Whether ``reply`` is a response to ``question`` but for the case of letters; see :func:`verify.answers`."""
    end = 12 + len(question) - _BEHIND_NAME
    name = reply[12:end]
    return fold(name) == question[:-_BEHIND_NAME] and answers(reply, name + question[-_BEHIND_NAME:])
