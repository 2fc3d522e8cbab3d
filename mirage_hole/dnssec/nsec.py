"""Proofs by NSEC (RFC 4035 5.4, RFC 6840 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.dnssec.bitmap import hides_below, is_cut, lacks, read_types
from mirage_hole.dnssec.denial import Denial, Denied, nothing
from mirage_hole.dnssec.order import ROOT, WILD, ancestors, common, is_under, sort_key
from mirage_hole.dnssec.rrsets import plain_name
from mirage_hole.wire.names import fold

if TYPE_CHECKING:
    from collections.abc import Sequence


class Nsec(NamedTuple):
    """One NSEC record."""

    owner: bytes
    following: bytes
    """The next owner in canonical order, folded."""
    types: frozenset[int]


def read_nsec(owner: bytes, data: bytes) -> Nsec | None:
    """NSEC data; None when it is broken."""
    following = plain_name(data, 0)
    types = read_types(data[len(following) :]) if following else None
    return Nsec(owner, fold(following), types) if following and types is not None else None


class NsecProof:
    """The NSEC records of one zone in one reply."""

    def __init__(self, zone: bytes, records: Sequence[Nsec]) -> None:
        self._zone = zone
        # The last name of a zone is followed by its apex; what leads out of the zone is of somebody else's.
        self._records = [one for one in records if is_under(one.following, zone)]

    def deny(self, name: bytes, rrtype: int) -> Denial:
        """See :class:`mirage_hole.dnssec.denial.Proof`."""
        own = self._of(name)
        if own is not None:
            if lacks(own.types, rrtype, at_root=name == ROOT):
                return Denial(Denied.TYPE, cut=is_cut(own.types))
            return nothing("its NSEC record does not say that the type is missing")
        cover = self._covering(name)
        if cover is None:
            return nothing("no NSEC record covers the name")
        if is_under(cover.following, name):
            return Denial(Denied.TYPE)  # an empty non-terminal: something is below it
        encloser = self._encloser(cover, name)
        wildcard = WILD + encloser
        if len(wildcard) > 255:
            return Denial(Denied.NAME, ends=True)
        stands = self._of(wildcard)
        if stands is not None:
            if lacks(stands.types, rrtype, at_root=False) and not is_cut(stands.types):
                return Denial(Denied.TYPE, ends=True)
            return nothing("the wildcard's NSEC record does not say that the type is missing")
        wild_cover = self._covering(wildcard)
        if wild_cover is None:
            return nothing("no NSEC record denies the wildcard")
        if is_under(wild_cover.following, wildcard):
            return Denial(Denied.TYPE, ends=True)  # the wildcard is an empty non-terminal
        return Denial(Denied.NAME, ends=True)

    def expanded(self, name: bytes, encloser: bytes) -> Denial:
        """See :class:`mirage_hole.dnssec.denial.Proof`."""
        cover = self._covering(name)
        if cover is None:
            return nothing("no NSEC record denies the name that the wildcard stands for")
        if is_under(cover.following, name) or self._encloser(cover, name) != encloser:
            return nothing("a nearer name than the wildcard's exists")
        return Denial(Denied.NAME, ends=True)

    def _of(self, name: bytes) -> Nsec | None:
        return next((one for one in self._records if one.owner == name), None)

    def _covering(self, name: bytes) -> Nsec | None:
        """The record between whose names ``name`` would stand."""
        place = sort_key(name)
        for one in self._records:
            if not sort_key(one.owner) < place:
                continue
            if one.following != self._zone and not place < sort_key(one.following):
                continue
            if is_under(name, one.owner) and hides_below(one.types):
                continue
            return one
        return None

    @staticmethod
    def _encloser(cover: Nsec, name: bytes) -> bytes:
        """The closest name above ``name`` that exists, as both ends of the gap tell."""
        one, other = common(name, cover.owner), common(name, cover.following)
        return one if len(ancestors(one)) >= len(ancestors(other)) else other
