"""Signed zones for servers on loopback: a root and ``lab.`` with children that are good, spoilt, expired and unsigned.

dnspython signs what must be wrong in a known way, and the parents; ``good.lab.`` and ``nsec3.lab.`` are signed by knot.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final, NamedTuple

import dns.dnssec
import dns.dnssectypes
import dns.name
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone
from dns.rdtypes.ANY.DNSKEY import DNSKEY

DAY: Final = 86_400
BIG_TXT: Final = 20
"""Strings of 200 octets that ``big`` has: more than any datagram's usual limit."""
TTL: Final = 300
APEX: Final = f"""
@ {TTL} SOA ns.lab. host.lab. 7 3600 600 86400 60
@ {TTL} NS ns.lab.
"""
CONTENT: Final = (
    APEX
    + f"""
www {TTL} A 192.0.2.10
www {TTL} AAAA 2001:db8::10
brief 1 A 192.0.2.11
alias {TTL} CNAME www
chain {TTL} CNAME alias
*.wild {TTL} A 192.0.2.20
known.wild {TTL} A 192.0.2.21
empty.non.terminal {TTL} A 192.0.2.22
"""
    + "".join(f'big {TTL} TXT "{number:0200}"\n' for number in range(BIG_TXT))
)
"""What every child zone has."""

SIGNED_BY_KNOT: Final = ("good.lab.", "nsec3.lab.")
SPOILT: Final = ("bogus.lab.", "expired.lab.", "stripped.lab.", "otherkey.lab.")
UNSIGNED: Final = "unsigned.lab."


class Key(NamedTuple):
    """A private key and the record that publishes it."""

    private: object
    public: DNSKEY

    def ds(self, zone: str) -> str:
        """The record for the zone's parent, as in a zone file."""
        found = dns.dnssec.make_ds(dns.name.from_text(zone), self.public, dns.dnssectypes.DSDigest.SHA256)
        return found.to_text()


def new_key() -> Key:
    """One key for keys and data, ECDSA P-256."""
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    public = dns.dnssec.make_dnskey(private.public_key(), dns.dnssectypes.Algorithm.ECDSAP256SHA256, flags=257)
    return Key(private, DNSKEY(public.rdclass, public.rdtype, 257, 3, public.algorithm, public.key))


def sign(origin: str, text: str, key: Key, *, ended: bool = False) -> dns.zone.Zone:
    """A zone of these lines with NSEC and signatures that last a day, or that ``ended`` a day ago."""
    zone = dns.zone.from_text(text, origin=origin, relativize=False)
    now = int(time.time())
    expires = now - DAY if ended else now + DAY
    dns.dnssec.sign_zone(zone, keys=[(key.private, key.public)], inception=expires - 2 * DAY, expiration=expires)
    return zone


def write(directory: Path, signed_by_knot: dict[str, list[str]]) -> str:
    """Write all zone files; the root's DS, which is what a validator trusts.

    Args:
        directory: gets a file ``ZONE.zone`` a zone, ``root.zone`` for the root.
        signed_by_knot: the DS records of the zones that knot signs.
    """
    for zone in (*SIGNED_BY_KNOT, UNSIGNED):
        _put(directory, zone, CONTENT)
    ds = dict(signed_by_knot)
    for zone in SPOILT:
        key = new_key()
        signed = sign(zone, CONTENT, key, ended=zone == "expired.lab.")
        if zone in {"bogus.lab.", "stripped.lab."}:
            _spoil(signed, dns.name.from_text(f"www.{zone}"), strip=zone == "stripped.lab.")
        _put(directory, zone, signed.to_text(relativize=False))
        ds[zone] = [(new_key() if zone == "otherkey.lab." else key).ds(zone)]
    lab, root = new_key(), new_key()
    delegations = "".join(f"{zone} {TTL} NS ns.lab.\n" for zone in (*ds, UNSIGNED))
    delegations += "".join(f"{zone} {TTL} DS {one}\n" for zone, many in ds.items() for one in many)
    _put(directory, "lab.", sign("lab.", f"{APEX}ns {TTL} A 127.0.0.1\n{delegations}", lab).to_text(relativize=False))
    above = f"{APEX}lab. {TTL} NS ns.lab.\nlab. {TTL} DS {lab.ds('lab.')}\nns.lab. {TTL} A 127.0.0.1\n"
    _put(directory, ".", sign(".", above, root).to_text(relativize=False))
    return root.ds(".")


def file_of(zone: str) -> str:
    """The name of a zone's file."""
    return f"{zone.rstrip('.') or 'root'}.zone"


def _put(directory: Path, zone: str, text: str) -> None:
    (directory / file_of(zone)).write_text(f"$ORIGIN {zone}\n{text}")


def _spoil(zone: dns.zone.Zone, name: dns.name.Name, *, strip: bool) -> None:
    """Another address than the signed one, or no signature at all."""
    node = zone.nodes[name]
    if strip:
        node.delete_rdataset(zone.rdclass, dns.rdatatype.RRSIG, dns.rdatatype.A)
        return
    node.replace_rdataset(dns.rdataset.from_text("IN", "A", TTL, "192.0.2.66"))
