"""SipHash-2-4 with 64 bits of output (Aumasson and Bernstein, 2012): a short keyed hash that nobody can forge.

Python has it inside and not in its library, where the key is random for every process. Held against the vectors of its
authors and of RFC 9018.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

KEY: Final = 16
"""Octets of a key."""

_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_WORD = Struct("<Q")
_WORDS = Struct("<QQ")


def siphash24(key: bytes, message: bytes) -> bytes:
    """Eight octets, in the order of the reference implementation (little-endian).

    Raises:
        ValueError: the key has not 16 octets.
    """
    if len(key) != KEY:
        text = f"a key of {len(key)} octets; it has {KEY}"
        raise ValueError(text)
    k0, k1 = _WORDS.unpack(key)
    state = (k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573)
    last = len(message) & ~7
    # The end is filled up with zeros, and with the length modulo 256 as the very last octet.
    padded = message + bytes(7 - len(message) + last) + bytes((len(message) & 0xFF,))
    for (word,) in _WORD.iter_unpack(padded):
        v0, v1, v2, v3 = state
        v0, v1, v2, v3 = _round(*_round(v0, v1, v2, v3 ^ word))
        state = (v0 ^ word, v1, v2, v3)
    v0, v1, v2, v3 = state
    v2 ^= 0xFF
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return _WORD.pack(v0 ^ v1 ^ v2 ^ v3)


def _round(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    v0 = v0 + v1 & _MASK
    v1 = (v1 << 13 | v1 >> 51) & _MASK ^ v0
    v0 = (v0 << 32 | v0 >> 32) & _MASK
    v2 = v2 + v3 & _MASK
    v3 = (v3 << 16 | v3 >> 48) & _MASK ^ v2
    v0 = v0 + v3 & _MASK
    v3 = (v3 << 21 | v3 >> 43) & _MASK ^ v0
    v2 = v2 + v1 & _MASK
    v1 = (v1 << 17 | v1 >> 47) & _MASK ^ v2
    return v0, v1, (v2 << 32 | v2 >> 32) & _MASK, v3
