"""Whether an RRset is signed by keys that are trusted, at the time it is (RFC 4035 5.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mirage_hole.dnssec import crypto
from mirage_hole.dnssec.limits import MAX_CHECKS_A_SET, MAX_RECORDS, SKEW
from mirage_hole.dnssec.order import count_labels, is_under
from mirage_hole.dnssec.outcome import Bogus, TooMuchWork
from mirage_hole.wire.codes import EdeCode, type_text
from mirage_hole.wire.names import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mirage_hole.dnssec.keys import Key
    from mirage_hole.dnssec.limits import Work
    from mirage_hole.dnssec.rrsets import RRset, Signature


class Proven(NamedTuple):
    """An RRset's signature was right."""

    labels: int
    """Of the name that was signed: fewer than the owner has when it came from a wildcard."""
    ttl: int
    """Seconds that the RRset may be kept at most, whatever its own TTL says (RFC 4035 5.3.3)."""
    until: int
    """When the signature ends, in seconds since the epoch."""


def later(one: int, other: int) -> int:
    """``one - other`` in serial number arithmetic (RFC 1982, RFC 4034 3.1.5): 32 bits, positive when ``one`` is later."""
    return ((one - other + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000


def verify(rrset: RRset, zone: bytes, keys: Iterable[Key], now: int, work: Work) -> Proven:
    """Find a signature of ``zone`` that is right.

    Args:
        rrset: with its signatures.
        zone: whose keys these are.
        keys: trusted ones.
        now: seconds since the epoch.
        work: what may still be done.

    Raises:
        Bogus: there is no such signature; the code says what was the nearest to one.
        TooMuchWork: so many keys and signatures are no accident.
    """
    if not is_under(rrset.owner, zone):
        raise Bogus(EdeCode.DNSSEC_BOGUS, f"{_named(rrset)}: signed by {to_text(zone)}, which it is not in")
    mine = [one for one in rrset.signatures if one.signer == zone and one.labels <= count_labels(rrset.owner)]
    if not mine:
        raise Bogus(EdeCode.RRSIGS_MISSING, f"{_named(rrset)}: no signature by {to_text(zone)}")
    if len(rrset.datas) > MAX_RECORDS:
        raise TooMuchWork(f"more than {MAX_RECORDS} records in {_named(rrset)}")  # noqa: EM102
    known = tuple(keys)
    records = None
    worst: Bogus | None = None
    tried = 0
    for signature in mine:
        fitting = [key for key in known if key.tag == signature.tag and key.algorithm == signature.algorithm]
        if not fitting:
            continue
        late = _out_of_time(signature, rrset, now)
        if late is not None:
            worst = late
            continue
        for key in fitting:
            tried += 1
            if tried > MAX_CHECKS_A_SET:
                raise TooMuchWork(f"more than {MAX_CHECKS_A_SET} signatures and keys to try for {_named(rrset)}")  # noqa: EM102
            work.check()
            records = records or crypto.records_of(rrset)
            if crypto.signed_by(records, signature, key.data):
                left = max(later(signature.expiration, now), 0)
                ttl = min(signature.original_ttl, max(left, 1))
                return Proven(signature.labels, ttl, now + left)
            work.failure()
            worst = Bogus(
                EdeCode.DNSSEC_BOGUS, f"{_named(rrset)}: the signature is wrong (key {key.tag} of {to_text(zone)})"
            )
    raise worst or Bogus(EdeCode.DNSKEY_MISSING, f"{_named(rrset)}: {to_text(zone)} has no key for its signatures")


def _out_of_time(signature: Signature, rrset: RRset, now: int) -> Bogus | None:
    if later(signature.expiration, signature.inception) < 0:
        return Bogus(EdeCode.DNSSEC_BOGUS, f"{_named(rrset)}: the signature ends before it begins")
    since = later(now, signature.expiration)
    if since > SKEW:
        return Bogus(EdeCode.SIGNATURE_EXPIRED, f"{_named(rrset)}: the signature expired {_span(since)} ago")
    ahead = later(signature.inception, now)
    if ahead > SKEW:
        return Bogus(EdeCode.SIGNATURE_NOT_YET_VALID, f"{_named(rrset)}: the signature is valid only in {_span(ahead)}")
    return None


def _named(rrset: RRset) -> str:
    return f"{type_text(rrset.rrtype)} of {to_text(rrset.owner)}"


def _span(seconds: int) -> str:
    if seconds < 7200:
        return f"{seconds // 60} minutes"
    if seconds < 172_800:
        return f"{seconds // 3600} hours"
    return f"{seconds // 86_400} days"
