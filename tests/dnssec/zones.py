"""A small signed Internet, made in the test: zones, keys, denials, and what a resolver that validates nothing answers of them.

Everything is built from what the RFCs say of *signing*, with dnspython and ``cryptography``; nothing of ``mirage_hole.dnssec`` is
used to make it, so that a misunderstanding there can't hide here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rdtypes.ANY.NSEC
import dns.rdtypes.ANY.NSEC3
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.rdtypes.util import Bitmap

NOW = 1_790_000_000
"""Seconds since the epoch, in all tests."""
DAY = 86_400
T = dns.rdatatype


def n(text: str) -> dns.name.Name:
    return dns.name.from_text(text)


@cache
def private_key(algorithm: int, number: int = 0):
    """A key of each kind is made once a run; ``number`` tells further ones apart."""
    if algorithm in (5, 7, 8, 10):
        return rsa.generate_private_key(65537, 1024 if algorithm != 10 else 2048)
    return {
        13: lambda: ec.generate_private_key(ec.SECP256R1()),
        14: lambda: ec.generate_private_key(ec.SECP384R1()),
        15: ed25519.Ed25519PrivateKey.generate,
        16: ed448.Ed448PrivateKey.generate,
    }[algorithm]()


@dataclass
class Key:
    algorithm: int = 13
    number: int = 0
    flags: int = 257

    @property
    def private(self):
        return private_key(self.algorithm, self.number)

    @property
    def record(self):
        return dns.dnssec.make_dnskey(self.private.public_key(), self.algorithm, self.flags)


def bitmap(types) -> tuple:
    return Bitmap.from_rdtypes(sorted(types)).windows


@dataclass
class Zone:
    """``records`` as ``name ttl type data``. ``nsec3`` is (iterations, salt, opt-out) or None for NSEC."""

    name: str
    records: list[str]
    key: Key = field(default_factory=Key)
    signed: bool = True
    nsec3: tuple[int, bytes, bool] | None = None
    inception: int = NOW - DAY
    expiration: int = NOW + DAY
    digests: tuple[str, ...] = ("SHA256",)
    extra_keys: list = field(default_factory=list)
    """DNSKEY records besides the one that signs."""
    minimum: int = 300

    def __post_init__(self) -> None:
        self.origin = n(self.name)
        self.sets: dict[tuple[dns.name.Name, int], dns.rrset.RRset] = {}
        self.signatures: dict[tuple[dns.name.Name, int], list] = {}
        self.unsigned: set[tuple[str, str]] = set()
        soa = f"ns.{self.name} host.{self.name} 1 3600 600 86400 {self.minimum}".replace("..", ".")
        self.add(f"{self.name} 600 SOA {soa}")
        self.add(f"{self.name} 600 NS ns.{self.name}".replace("..", "."))
        for text in self.records:
            self.add(text)
        if self.signed:
            keys = [self.key.record, *self.extra_keys]
            self.put(dns.rrset.from_rdata_list(self.origin, 600, keys))

    def add(self, text: str) -> None:
        name, ttl, kind, data = text.split(" ", 3)
        rrset = dns.rrset.from_text(n(name), int(ttl), "IN", kind, data)
        known = self.sets.get((rrset.name, rrset.rdtype))
        if known is not None:
            known.update(rrset)
        else:
            self.put(rrset)

    def put(self, rrset: dns.rrset.RRset) -> None:
        self.sets[rrset.name, int(rrset.rdtype)] = rrset

    def ds(self) -> list[str]:
        return [
            f"{self.name} 600 DS {dns.dnssec.make_ds(self.origin, self.key.record, kind, policy=dns.dnssec.allow_all_policy)}"
            for kind in self.digests
        ]

    # -- what is where --

    def cut_above(self, name: dns.name.Name) -> dns.name.Name | None:
        """The delegation at or above a name."""
        for owner, kind in self.sets:
            if kind == T.NS and owner != self.origin and name.is_subdomain(owner):
                return owner
        return None

    def owners(self) -> list[dns.name.Name]:
        """Names of the zone, glue left out, in canonical order."""
        names = {owner for owner, _ in self.sets if self.cut_above(owner) in (None, owner)}
        return sorted(names)

    def types_at(self, name: dns.name.Name) -> set[int]:
        cut = self.cut_above(name) == name
        return {kind for owner, kind in self.sets if owner == name and (not cut or kind in (T.NS, T.DS))}

    def exists(self, name: dns.name.Name) -> bool:
        return any(owner.is_subdomain(name) for owner in self.owners())

    # -- signing --

    def sign(self, rrset: dns.rrset.RRset, key: Key | None = None):
        key = key or self.key
        return dns.dnssec.sign(
            rrset, key.private, self.origin, key.record, inception=self.inception, expiration=self.expiration,
            policy=dns.dnssec.allow_all_policy,
        )  # fmt: skip

    def with_signatures(self, rrset: dns.rrset.RRset, shown_as: dns.name.Name | None = None) -> list[dns.rrset.RRset]:
        """The RRset and its RRSIGs, under the name a wildcard stands for when that is asked."""
        place = (rrset.name, int(rrset.rdtype))
        owner = shown_as or rrset.name
        shown = dns.rrset.from_rdata_list(owner, rrset.ttl, list(rrset))
        glue = self.cut_above(rrset.name) is not None and rrset.rdtype not in (T.DS, T.NSEC, T.NSEC3)
        if not self.signed or glue or (str(rrset.name), T.to_text(rrset.rdtype)) in self.unsigned:
            return [shown]
        if place not in self.signatures:
            self.signatures[place] = [self.sign(rrset)]
        return [shown, dns.rrset.from_rdata_list(owner, rrset.ttl, self.signatures[place])]

    # -- denial --

    def nsec(self, name: dns.name.Name) -> dns.rrset.RRset:
        """The record at ``name``, or the one that covers it."""
        owners = self.owners()
        at = max(number for number, owner in enumerate(owners) if owner <= name)
        owner, following = owners[at], owners[(at + 1) % len(owners)]
        types = self.types_at(owner) | {T.NSEC, T.RRSIG}
        rdata = dns.rdtypes.ANY.NSEC.NSEC(dns.rdataclass.IN, T.NSEC, following, bitmap(types))
        return dns.rrset.from_rdata(owner, self.minimum, rdata)

    def hashed(self, name: dns.name.Name) -> bytes:
        iterations, salt, _ = self.nsec3
        text = dns.dnssec.nsec3_hash(name, salt, iterations, "SHA1")
        import base64

        return base64.b32hexdecode(text)

    def nsec3_names(self) -> list[tuple[bytes, dns.name.Name]]:
        opt_out = self.nsec3[2]
        names = set()
        for owner in self.owners():
            if opt_out and self.cut_above(owner) == owner and T.DS not in self.types_at(owner):
                continue
            while owner != self.origin:
                names.add(owner)
                owner = owner.parent()
        names.add(self.origin)
        return sorted((self.hashed(name), name) for name in names)

    def nsec3_of(self, name: dns.name.Name) -> dns.rrset.RRset:
        """The record that matches ``name``, or the one that covers it."""
        iterations, salt, opt_out = self.nsec3
        chain = self.nsec3_names()
        wanted = self.hashed(name)
        at = max((number for number, (one, _) in enumerate(chain) if one <= wanted), default=len(chain) - 1)
        own, owner = chain[at]
        following = chain[(at + 1) % len(chain)][0]
        types = self.types_at(owner)
        if types and (self.cut_above(owner) != owner or T.DS in types):
            types |= {T.RRSIG}
        import base64

        label = base64.b32hexencode(own).decode().lower()
        rdata = dns.rdtypes.ANY.NSEC3.NSEC3(
            dns.rdataclass.IN, T.NSEC3, 1, int(opt_out), iterations, salt, following, bitmap(types)
        )
        return dns.rrset.from_rdata(n(f"{label}.{self.name}".replace("..", ".")), self.minimum, rdata)

    def encloser(self, name: dns.name.Name) -> tuple[dns.name.Name, dns.name.Name]:
        """The closest name that exists, and the one a label longer."""
        longer = name
        while True:
            above = longer.parent()
            known = above in {one for _, one in self.nsec3_names()} if self.nsec3 else self.exists(above)
            if known:
                return above, longer
            longer = above

    def denial(self, name: dns.name.Name, *, wildcard: str = "deny") -> list[dns.rrset.RRset]:
        """Proofs about ``name``. ``wildcard``: ``deny``, ``show`` (it stands for the name, without the type), or ``skip``."""
        if not self.signed:
            return []
        found = []
        if self.nsec3 is None:
            found.append(self.nsec(name))
            if not self.exists(name) and wildcard != "skip":
                encloser, _ = self.encloser(name)
                found.append(self.nsec(n("*").relativize(dns.name.root).derelativize(encloser)))
        else:
            matches = name in {one for _, one in self.nsec3_names()}
            if matches:
                found.append(self.nsec3_of(name))
            else:
                encloser, longer = self.encloser(name)
                if wildcard != "skip":
                    found.append(self.nsec3_of(encloser))
                found.append(self.nsec3_of(longer))
                if wildcard != "skip":
                    found.append(self.nsec3_of(n("*").relativize(dns.name.root).derelativize(encloser)))
        unique = {one.name: one for one in found}
        return list(unique.values())

    def soa(self) -> dns.rrset.RRset:
        return self.sets[self.origin, T.SOA]


class World:
    """Zones by name; answers as a recursive resolver without validation gives them."""

    def __init__(self, *zones: Zone) -> None:
        self.zones = {zone.origin: zone for zone in zones}
        for zone in zones:
            above = self.above(zone.origin)
            if above is None:
                continue
            above.add(f"{zone.name} 600 NS ns.{zone.name}")
            if zone.signed:
                for text in zone.ds():
                    above.add(text)

    def above(self, name: dns.name.Name) -> Zone | None:
        while name != dns.name.root:
            name = name.parent()
            if name in self.zones:
                return self.zones[name]
        return None

    def zone_of(self, name: dns.name.Name, kind: int) -> Zone:
        if kind == T.DS and name != dns.name.root:
            name = name.parent()
        while name not in self.zones:
            name = name.parent()
        return self.zones[name]

    def anchors(self) -> str:
        """The root's, as a file."""
        return "\n".join(self.zones[dns.name.root].ds())

    def answer(self, name: str | dns.name.Name, kind: str | int = "A") -> dns.message.Message:
        """A whole answer, DO and CD being set."""
        qname = n(name) if isinstance(name, str) else name
        rdtype = T.from_text(kind) if isinstance(kind, str) else kind
        message = dns.message.make_response(
            dns.message.make_query(qname, rdtype, want_dnssec=True), recursion_available=True
        )
        for _ in range(9):
            following = self._piece(message, qname, rdtype)
            if following is None:
                break
            qname = following
        return message

    def _piece(self, message, name, rdtype):
        zone = self.zone_of(name, rdtype)
        put = lambda rrset, shown=None: message.answer.extend(zone.with_signatures(rrset, shown))  # noqa: E731
        deny = lambda rrsets: [message.authority.extend(zone.with_signatures(one)) for one in rrsets]  # noqa: E731
        rrset = zone.sets.get((name, rdtype))
        if rrset is not None:
            put(rrset)
            return None
        cname = zone.sets.get((name, T.CNAME))
        if cname is not None:
            put(cname)
            return cname[0].target
        for (owner, kind), dname in zone.sets.items():
            if kind == T.DNAME and name.is_subdomain(owner) and name != owner:
                target = dns.name.Name(name.relativize(owner).labels + dname[0].target.labels)
                put(dname)
                message.answer.append(dns.rrset.from_text(name, dname.ttl, "IN", "CNAME", str(target)))
                return target if rdtype != T.CNAME else None
        if not zone.exists(name):
            encloser = name.parent()
            while not zone.exists(encloser):
                encloser = encloser.parent()
            wild = n("*").relativize(dns.name.root).derelativize(encloser)
            if zone.exists(wild):
                for kind in (rdtype, T.CNAME):
                    rrset = zone.sets.get((wild, kind))
                    if rrset is not None:
                        put(rrset, name)
                        deny(zone.denial(name, wildcard="skip"))
                        return rrset[0].target if kind == T.CNAME and rdtype != T.CNAME else None
                message.authority.extend(zone.with_signatures(zone.soa()))
                deny(zone.denial(name, wildcard="show"))
                return None
            message.set_rcode(dns.rcode.NXDOMAIN)
        message.authority.extend(zone.with_signatures(zone.soa()))
        deny(zone.denial(name))
        return None
