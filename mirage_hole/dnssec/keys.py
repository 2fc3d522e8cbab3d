"""DNSKEY and DS records, and which keys of a zone are to be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.dnssec import crypto
from mirage_hole.dnssec.limits import MAX_KEYS, MAX_KEYS_A_TAG
from mirage_hole.dnssec.outcome import Bogus, Insecure, TooMuchWork
from mirage_hole.wire.codes import EdeCode
from mirage_hole.wire.names import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mirage_hole.dnssec.limits import Work
    from mirage_hole.dnssec.rrsets import RRset

_ZONE: Final = 0x0100
_REVOKED: Final = 0x0080
_WEAK_DIGEST: Final = 1


class Key(NamedTuple):
    """A DNSKEY that may sign a zone's data (RFC 4034 2.1)."""

    tag: int
    algorithm: int
    data: bytes
    """All of the record's data."""


class DS(NamedTuple):
    """A DS record, from a reply or from a trust anchor (RFC 4034 5.1)."""

    tag: int
    algorithm: int
    digest_type: int
    digest: bytes

    @property
    def supported(self) -> bool:
        return self.algorithm in crypto.ALGORITHMS and self.digest_type in crypto.DIGESTS


def key_tag(data: bytes) -> int:
    """The tag of DNSKEY data (RFC 4034 appendix B)."""
    padded = data + b"\0" if len(data) & 1 else data
    total = sum(padded[::2]) * 256 + sum(padded[1::2])
    return (total + (total >> 16)) & 0xFFFF


def read_ds(data: bytes) -> DS | None:
    """DS data; None when it is cut off."""
    if len(data) < 5:
        return None
    return DS(int.from_bytes(data[:2], "big"), data[2], data[3], data[4:])


def read_keys(zone: bytes, rrset: RRset) -> tuple[Key, ...]:
    """The zone keys of a DNSKEY RRset that may be worked with.

    Raises:
        Bogus: none has the zone key bit.
        TooMuchWork: more keys, or more keys with the same tag, than any honest zone has.
    """
    if len(rrset.datas) > MAX_KEYS:
        raise TooMuchWork(f"{to_text(zone)} has more than {MAX_KEYS} keys")  # noqa: EM102
    keys = []
    seen: dict[tuple[int, int], int] = {}
    any_key = False
    for data in dict.fromkeys(rrset.datas):
        if len(data) < 5 or data[2] != 3:  # RFC 4034 2.1.2: protocol 3, anything else is invalid
            continue
        any_key = True
        flags = int.from_bytes(data[:2], "big")
        if not flags & _ZONE or flags & _REVOKED or data[3] not in crypto.ALGORITHMS or not crypto.usable_key(data):
            continue
        key = Key(key_tag(data), data[3], data)
        same = seen[key.tag, key.algorithm] = seen.get((key.tag, key.algorithm), 0) + 1
        if same > MAX_KEYS_A_TAG:
            raise TooMuchWork(f"{to_text(zone)} has more than {MAX_KEYS_A_TAG} keys with tag {key.tag}")  # noqa: EM102
        keys.append(key)
    if not keys and any_key and not any(len(data) > 4 and data[0] & 1 for data in rrset.datas):
        raise Bogus(EdeCode.NO_ZONE_KEY_BIT, f"no key of {to_text(zone)} has the zone key bit")
    return tuple(keys)


def usable(zone: bytes, records: Iterable[DS]) -> list[DS]:
    """The DS records that can be worked with; those with SHA-1 only when there is nothing better (RFC 4509 3).

    Raises:
        Insecure: there is none (RFC 4035 5.2, RFC 6840 5.2): the zone counts as unsigned.
    """
    known = list(records)
    supported = [ds for ds in known if ds.supported]
    if not supported:
        if any(ds.algorithm in crypto.ALGORITHMS for ds in known):
            kinds = ", ".join(sorted({str(ds.digest_type) for ds in known}))
            raise Insecure(EdeCode.UNSUPPORTED_DS_DIGEST, f"{to_text(zone)}: DS digest type {kinds} is not supported")
        kinds = ", ".join(sorted({str(ds.algorithm) for ds in known}))
        raise Insecure(
            EdeCode.UNSUPPORTED_DNSKEY_ALGORITHM, f"{to_text(zone)}: DNSSEC algorithm {kinds} is not supported"
        )
    strong = {ds.algorithm for ds in supported if ds.digest_type != _WEAK_DIGEST}
    return [ds for ds in supported if ds.digest_type != _WEAK_DIGEST or ds.algorithm not in strong]


def entry_points(zone: bytes, keys: Iterable[Key], records: list[DS], work: Work) -> tuple[Key, ...]:
    """The keys of ``zone`` that a DS record vouches for.

    Raises:
        Bogus: there is none.
    """
    if len(records) > MAX_KEYS:
        raise TooMuchWork(f"{to_text(zone)} has more than {MAX_KEYS} DS records")  # noqa: EM102
    known = tuple(keys)
    trusted: dict[bytes, Key] = {}
    for ds in records:
        for key in known:
            if key.tag == ds.tag and key.algorithm == ds.algorithm and key.data not in trusted:
                work.digest()
                if crypto.digest_of(zone, key.data, ds.digest_type) == ds.digest:
                    trusted[key.data] = key
    if not trusted:
        tags = ", ".join(sorted({str(ds.tag) for ds in records})[:4])
        raise Bogus(EdeCode.DNSKEY_MISSING, f"no key of {to_text(zone)} matches its DS records (tags {tags})")
    return tuple(trusted.values())
