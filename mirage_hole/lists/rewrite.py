"""The value of ``$dnsrewrite`` (AdGuard DNS filtering syntax): the answer that a rule gives of its own.

Short: an address, a name (the answer is a CNAME to it), or ``NOERROR``, ``NXDOMAIN``, ``SERVFAIL``, ``REFUSED``. Full:
``RCODE;TYPE;VALUE``, of which the last two are empty unless the first is NOERROR.
"""

from __future__ import annotations

from mirage_hole.lists.presentation import BadRecord
from mirage_hole.lists.records import read_record
from mirage_hole.lists.rule import Rewrite
from mirage_hole.lists.spelling import is_address
from mirage_hole.wire.codes import Rcode

_RCODES = {one.name: one for one in Rcode if one <= 0xF}  # the others need EDNS, which not every asker speaks


def read_rewrite(value: str) -> Rewrite:
    """``NOERROR;MX;10 mail.example`` -> the answer.

    AdGuard Home drops what stands behind an RCODE other than NOERROR; that is refused here, since it can't be meant.

    Raises:
        BadRecord: it is none; the message says why, in a few words.
    """
    rcode, *rest = value.split(";", 2)
    if not rest:
        return _short(value)
    if len(rest) == 1:
        raise BadRecord("$dnsrewrite has three parts, RCODE;TYPE;VALUE, or one")  # noqa: EM101
    rrtype, data = rest
    known = _RCODES.get(rcode.upper())
    if known is None:
        message = f"$dnsrewrite with an RCODE that is none of {', '.join(_RCODES)}"
        raise BadRecord(message)
    if not rrtype and not data:
        return Rewrite(known)
    if known is not Rcode.NOERROR:
        raise BadRecord("$dnsrewrite with a record, which only NOERROR has")  # noqa: EM101
    return read_record(rrtype, data)


def _short(value: str) -> Rewrite:
    if not value:
        raise BadRecord("$dnsrewrite without a value, which only an exception may have")  # noqa: EM101
    if value in {"NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"}:
        return Rewrite(_RCODES[value])
    if value.isascii() and value.isalpha() and value.isupper():
        raise BadRecord("$dnsrewrite with a word that is none of NOERROR, NXDOMAIN, SERVFAIL, REFUSED")  # noqa: EM101
    if is_address(value):
        return read_record("AAAA" if ":" in value else "A", value)
    return read_record("CNAME", value)
