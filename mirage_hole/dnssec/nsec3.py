"""Proofs by NSEC3 (RFC 5155 8), with the bounds of RFC 9276."""

from __future__ import annotations

from hashlib import sha1
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.dnssec.bitmap import DS, hides_below, is_cut, lacks, read_types
from mirage_hole.dnssec.denial import Denial, Denied, nothing
from mirage_hole.dnssec.order import ROOT, WILD, ancestors, is_under, parent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.dnssec.limits import Work

_SHA1: Final = 1
_HASH: Final = 20
_HASH_TEXT: Final = 32
_OPT_OUT: Final = 1
_DIGITS: Final = {digit: value for value, digit in enumerate(b"0123456789abcdefghijklmnopqrstuv")}


class Nsec3(NamedTuple):
    """One NSEC3 record."""

    hash: bytes
    following: bytes
    """The next hash of the zone, raw as ``hash`` is."""
    opt_out: bool
    iterations: int
    salt: bytes
    types: frozenset[int]


def read_nsec3(owner: bytes, zone: bytes, data: bytes) -> Nsec3 | None:
    """NSEC3 data; None when it is broken, or says what nobody knows (RFC 5155 8.1, 8.2)."""
    hashed = _from_base32(owner[1 : 1 + owner[0]])
    if hashed is None or parent(owner) != zone or len(data) < 5 or data[0] != _SHA1 or data[1] & ~_OPT_OUT:
        return None
    salt_end = 5 + data[4]
    if salt_end >= len(data) or data[salt_end] != _HASH or salt_end + 1 + _HASH > len(data):
        return None
    types = read_types(data[salt_end + 1 + _HASH :])
    if types is None:
        return None
    following = data[salt_end + 1 : salt_end + 1 + _HASH]
    iterations = int.from_bytes(data[2:4], "big")
    return Nsec3(hashed, following, bool(data[1] & _OPT_OUT), iterations, data[5:salt_end], types)


def hash_of(name: bytes, salt: bytes, iterations: int) -> bytes:
    """The hash of a folded name (RFC 5155 5)."""
    digest = sha1(name + salt, usedforsecurity=False).digest()
    for _ in range(iterations):
        digest = sha1(digest + salt, usedforsecurity=False).digest()
    return digest


class _Enclosed(NamedTuple):
    """The closest encloser proof (RFC 5155 8.3)."""

    encloser: bytes
    cover: Nsec3
    """Covers the name one label longer."""


class Nsec3Proof:
    """The NSEC3 records of one zone in one reply; those with the first one's salt and iterations (RFC 5155 8.2)."""

    def __init__(self, zone: bytes, records: Sequence[Nsec3], work: Work) -> None:
        self._zone = zone
        self._work = work
        self._salt, self._iterations = records[0].salt, records[0].iterations
        self._records = [one for one in records if (one.salt, one.iterations) == (self._salt, self._iterations)]
        self._hashes: dict[bytes, bytes] = {}

    def deny(self, name: bytes, rrtype: int) -> Denial:
        """See :class:`mirage_hole.dnssec.denial.Proof`."""
        own = self._of(name)
        if own is not None:
            if lacks(own.types, rrtype, at_root=name == ROOT):
                return Denial(Denied.TYPE, cut=is_cut(own.types))
            return nothing("its NSEC3 record does not say that the type is missing")
        found = self._enclosed(name)
        if isinstance(found, str):
            return nothing(found)
        if rrtype == DS and found.cover.opt_out:
            return Denial(Denied.OPTED_OUT, cut=True)  # RFC 5155 8.6
        wildcard = WILD + found.encloser
        if len(wildcard) > 255:
            return Denial(Denied.OPTED_OUT if found.cover.opt_out else Denied.NAME, ends=True)
        stands = self._of(wildcard)
        if stands is not None:
            if not lacks(stands.types, rrtype, at_root=False) or is_cut(stands.types):
                return nothing("the wildcard's NSEC3 record does not say that the type is missing")
            return Denial(Denied.OPTED_OUT if found.cover.opt_out else Denied.TYPE, ends=True)  # RFC 5155 8.7, 9.2
        if found.cover.opt_out:
            # RFC 5155 9.2: the name may be there, in or above an unsigned delegation.
            return Denial(Denied.OPTED_OUT, ends=True)
        if self._covering(wildcard) is None:
            return nothing("no NSEC3 record denies the wildcard")
        return Denial(Denied.NAME, ends=True)

    def expanded(self, name: bytes, encloser: bytes) -> Denial:
        """See :class:`mirage_hole.dnssec.denial.Proof`."""
        longer = ancestors(name)[-len(ancestors(encloser)) - 1]
        cover = self._covering(longer)
        if cover is None:
            return nothing("no NSEC3 record denies the name that the wildcard stands for")
        return Denial(Denied.OPTED_OUT if cover.opt_out else Denied.NAME, ends=True)

    def _enclosed(self, name: bytes) -> _Enclosed | str:
        longer = name
        for encloser in ancestors(parent(name)):
            if not is_under(encloser, self._zone):
                break
            here = self._of(encloser)
            if here is not None:
                if hides_below(here.types):
                    return "the closest name that exists belongs to another zone below"
                cover = self._covering(longer)
                return _Enclosed(encloser, cover) if cover else "no NSEC3 record covers the next closer name"
            longer = encloser
        return "no NSEC3 record proves the closest name that exists"

    def _hash(self, name: bytes) -> bytes:
        known = self._hashes.get(name)
        if known is None:
            self._work.hash(self._iterations)
            known = self._hashes[name] = hash_of(name, self._salt, self._iterations)
        return known

    def _of(self, name: bytes) -> Nsec3 | None:
        wanted = self._hash(name)
        return next((one for one in self._records if one.hash == wanted), None)

    def _covering(self, name: bytes) -> Nsec3 | None:
        wanted = self._hash(name)
        for one in self._records:
            if one.hash < one.following:
                if one.hash < wanted < one.following:
                    return one
            elif wanted != one.hash and (one.hash < wanted or wanted < one.following):
                return one  # the last of the zone, or its only one
        return None


def _from_base32(text: bytes) -> bytes | None:
    """RFC 4648 7, of a folded label; None when it is no hash."""
    if len(text) != _HASH_TEXT:
        return None
    number = 0
    for digit in text:
        value = _DIGITS.get(digit)
        if value is None:
            return None
        number = number << 5 | value
    return number.to_bytes(_HASH, "big")
