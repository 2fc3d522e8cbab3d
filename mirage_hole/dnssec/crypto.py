"""Signatures and DS digests, by dnspython and ``cryptography``. The only module that knows them; see ``load``."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from types import ModuleType

    from mirage_hole.dnssec.rrsets import RRset, Signature

ALGORITHMS: Final = frozenset({5, 7, 8, 10, 13, 14, 15, 16})
"""RSA/SHA-1 (both numbers), RSA/SHA-256, RSA/SHA-512, ECDSA P-256 and P-384, Ed25519, Ed448 (RFC 8624 3.1, to validate).
RSA/MD5, DSA and GOST are not among them: what is signed with these alone counts as unsigned (RFC 4035 5.2)."""
DIGESTS: Final = frozenset({1, 2, 4})
"""SHA-1, SHA-256, SHA-384 (RFC 8624 3.3)."""
_RSA: Final = frozenset({5, 7, 8, 10})
_MAX_MODULUS: Final = 512
"""Octets: 4,096 bits (RFC 3110 2). Longer ones only cost time."""
_MAX_EXPONENT: Final = 8
_DNSKEY: Final = 48
_RRSIG: Final = 46
_IN: Final = 1


@cache
def load() -> ModuleType:
    """Import ``dns.dnssec`` and what it needs: some tenths of a second and 20 MB, once."""
    import dns.dnssec
    import dns.name
    import dns.rdata
    import dns.rdataset
    import dns.rrset

    return dns


@cache
def _unsupported() -> type[Exception]:
    from cryptography.exceptions import UnsupportedAlgorithm

    return UnsupportedAlgorithm


def usable_key(data: bytes) -> bool:
    """Whether the public key of DNSKEY data has a size that may be worked with."""
    if data[3] not in _RSA:
        return True
    key = data[4:]
    if not key:
        return False
    start, length = (1, key[0]) if key[0] else (3, int.from_bytes(key[1:3], "big"))
    return 0 < length <= _MAX_EXPONENT and 0 < len(key) - start - length <= _MAX_MODULUS


def records_of(rrset: RRset) -> Any:
    """An RRset as :func:`signed_by` takes it; None when its data is not what its type demands."""
    dns = load()
    try:
        owner = dns.name.from_wire(rrset.owner, 0)[0]
        records = [dns.rdata.from_wire(rrset.rrclass, rrset.rrtype, data, 0, len(data)) for data in rrset.datas]
        return dns.rrset.from_rdata_list(owner, 0, records)
    except (dns.exception.DNSException, ValueError):
        return None


def signed_by(records: Any, signature: Signature, key: bytes) -> bool:
    """Whether ``signature`` is right for what :func:`records_of` gave and the DNSKEY data ``key``. Times are not looked at."""
    if records is None:
        return False
    dns = load()
    try:
        signer = dns.name.from_wire(signature.signer, 0)[0]
        rrsig = dns.rdata.from_wire(_IN, _RRSIG, signature.data, 0, len(signature.data))
        keys = {signer: dns.rdataset.from_rdata(0, _dnskey(key))}
        dns.dnssec.validate_rrsig(records, rrsig, keys, now=rrsig.inception, policy=dns.dnssec.allow_all_policy)
    except dns.exception.DNSException:
        return False  # a wrong signature, or a key that can't be read
    except (ValueError, AssertionError, ArithmeticError, _unsupported()):
        return False  # a key that is no point on its curve, or one that this OpenSSL may not use
    return True


@lru_cache(256)
def _dnskey(data: bytes) -> Any:
    """The same few keys sign nearly everything that is asked for."""
    return load().rdata.from_wire(_IN, _DNSKEY, data, 0, len(data))


def digest_of(owner: bytes, key: bytes, kind: int) -> bytes:
    """The digest that a DS record of type ``kind`` (in :data:`DIGESTS`) has for the DNSKEY data ``key``; empty for a broken key."""
    dns = load()
    try:
        name = dns.name.from_wire(owner, 0)[0]
        made = dns.dnssec.make_ds(name, _dnskey(key), kind, policy=dns.dnssec.allow_all_policy)
    except (dns.exception.DNSException, ValueError):
        return b""
    return bytes(made.digest)
