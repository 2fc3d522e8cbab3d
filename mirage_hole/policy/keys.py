"""What a name is called in the index: its text backwards, ``com.example.ads`` letter by letter from its end.

A parent's key is the beginning of its children's keys, so that one walk through the trie meets all of them. Dots cost less
than length octets would: they are the same everywhere, and the last label needs none (an eighth of the trie).
"""

from __future__ import annotations

from typing import Final

_DOT: Final = 0x2E
_DOT_INSIDE: Final = b"A"
"""Stands for a dot inside a label: names are lower-cased, so that no other octet is called so."""

_MAY_BE_LONG: Final = 47
"""Octets of the shortest name with a label of 45 octets: with a length that may be a character of another label."""
_DOTS: Final = bytes(_DOT if 0 < octet < _MAY_BE_LONG - 2 else octet for octet in range(256))


def key_of(name: bytes) -> bytes:
    """The key of a folded wire-form name. The root's is empty."""
    if b"." in name:  # in a label, or as the length of one
        return _odd_key(name)
    text = bytearray(name)
    at = 0
    while length := text[at]:
        text[at] = _DOT
        at += 1 + length
    return bytes(text[-2:0:-1])


def key_at(name: bytes, labels: tuple[int, ...]) -> bytes:
    """The same, when the offsets of the labels are known: this is on the way of every query."""
    if len(name) < _MAY_BE_LONG:
        key = name.translate(_DOTS)[-2:0:-1]
        if key.count(_DOT) == len(labels) - 1:
            return key
    return key_of(name)


def name_of(key: bytes) -> bytes:
    """The reverse of :func:`key_of`."""
    if not key:
        return b"\0"
    labels = (label.replace(_DOT_INSIDE, b".") for label in key[::-1].split(b"."))
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def _odd_key(name: bytes) -> bytes:
    labels = []
    at = 0
    while length := name[at]:
        labels.append(name[at + 1 : at + 1 + length].replace(b".", _DOT_INSIDE))
        at += 1 + length
    return b".".join(labels)[::-1]
