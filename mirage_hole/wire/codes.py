"""Numbers with names: the IANA "Domain Name System (DNS) Parameters" that this program speaks of."""

from __future__ import annotations

from enum import IntEnum


class RRType(IntEnum):
    """Resource record types. Any other number travels as a plain int; see :func:`type_text`."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    HINFO = 13
    MX = 15
    TXT = 16
    RP = 17
    AAAA = 28
    LOC = 29
    SRV = 33
    NAPTR = 35
    CERT = 37
    DNAME = 39
    OPT = 41
    DS = 43
    SSHFP = 44
    RRSIG = 46
    NSEC = 47
    DNSKEY = 48
    NSEC3 = 50
    NSEC3PARAM = 51
    TLSA = 52
    SMIMEA = 53
    CDS = 59
    CDNSKEY = 60
    OPENPGPKEY = 61
    ZONEMD = 63
    SVCB = 64
    HTTPS = 65
    TKEY = 249
    TSIG = 250
    IXFR = 251
    AXFR = 252
    ANY = 255
    URI = 256
    CAA = 257


class RRClass(IntEnum):
    IN = 1
    CH = 3
    ANY = 255


class Opcode(IntEnum):
    QUERY = 0
    IQUERY = 1
    STATUS = 2
    NOTIFY = 4
    UPDATE = 5


class Rcode(IntEnum):
    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    NOTAUTH = 9
    BADVERS = 16
    BADCOOKIE = 23


class EdeCode(IntEnum):
    """Extended DNS Errors (RFC 8914 section 4)."""

    OTHER = 0
    UNSUPPORTED_DNSKEY_ALGORITHM = 1
    UNSUPPORTED_DS_DIGEST = 2
    STALE_ANSWER = 3
    FORGED_ANSWER = 4
    DNSSEC_INDETERMINATE = 5
    DNSSEC_BOGUS = 6
    SIGNATURE_EXPIRED = 7
    SIGNATURE_NOT_YET_VALID = 8
    DNSKEY_MISSING = 9
    RRSIGS_MISSING = 10
    NO_ZONE_KEY_BIT = 11
    NSEC_MISSING = 12
    CACHED_ERROR = 13
    NOT_READY = 14
    BLOCKED = 15
    CENSORED = 16
    FILTERED = 17
    PROHIBITED = 18
    STALE_NXDOMAIN_ANSWER = 19
    NOT_AUTHORITATIVE = 20
    NOT_SUPPORTED = 21
    NO_REACHABLE_AUTHORITY = 22
    NETWORK_ERROR = 23
    INVALID_DATA = 24
    UNSUPPORTED_NSEC3_ITERATIONS = 27
    SYNTHESIZED = 29


# Header flag bits in the 16-bit flags word (RFC 1035 4.1.1, RFC 4035 3.2).
QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
EDNS_DO = 0x8000  # RFC 3225, in the OPT record's TTL field

_TYPES_BY_NAME = {kind.name: int(kind) for kind in RRType}


def type_text(number: int) -> str:
    """``28`` -> ``AAAA``; a number without a name here -> ``TYPE123`` (RFC 3597 section 5)."""
    try:
        return RRType(number).name
    except ValueError:
        return f"TYPE{number}"


def type_number(text: str) -> int:
    """``aaaa`` -> 28, ``TYPE123`` -> 123.

    Raises:
        ValueError: no such type; the message says what to write instead.
    """
    upper = text.upper()
    if upper in _TYPES_BY_NAME:
        return _TYPES_BY_NAME[upper]
    digits = upper.removeprefix("TYPE")
    if digits != upper and len(digits) <= 5 and digits.isascii() and digits.isdigit() and int(digits) < 65536:
        return int(digits)
    message = f"{text!r} is no record type; write A, AAAA, HTTPS, TXT or the like, or TYPE followed by a number"
    raise ValueError(message)


def rcode_text(number: int) -> str:
    """``3`` -> ``NXDOMAIN``, an unknown number -> ``RCODE11``."""
    try:
        return Rcode(number).name
    except ValueError:
        return f"RCODE{number}"


def rcode_number(text: str) -> int:
    """``NXDOMAIN`` -> 3, ``RCODE11`` -> 11: the reverse of :func:`rcode_text`.

    Raises:
        ValueError: no such code.
    """
    if text in Rcode.__members__:
        return int(Rcode[text])
    digits = text.removeprefix("RCODE")
    if digits != text and len(digits) <= 4 and digits.isascii() and digits.isdigit() and int(digits) < 4096:
        return int(digits)
    message = (
        f"{text!r} is no response code; write NOERROR, NXDOMAIN, SERVFAIL or the like, or RCODE followed by a number"
    )
    raise ValueError(message)
