"""One reply under validation: which records answer what, and what has been proven of them so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.dnssec.denial import Denied, best
from mirage_hole.dnssec.limits import MAX_ITERATIONS, MAX_PROOFS
from mirage_hole.dnssec.nsec import NsecProof, read_nsec
from mirage_hole.dnssec.nsec3 import Nsec3Proof, read_nsec3
from mirage_hole.dnssec.order import ROOT, count_labels, is_under, last_labels
from mirage_hole.dnssec.outcome import Bogus, Insecure, TooMuchWork
from mirage_hole.dnssec.rrsets import plain_name, read_sections
from mirage_hole.dnssec.signatures import verify
from mirage_hole.wire.codes import EdeCode, RRType, type_text
from mirage_hole.wire.names import MAX_NAME, fold, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mirage_hole.dnssec.denial import Denial, Proof
    from mirage_hole.dnssec.keys import Key
    from mirage_hole.dnssec.limits import Work
    from mirage_hole.dnssec.rrsets import RRset, Sections
    from mirage_hole.wire.scan import Reply

_DS: Final = int(RRType.DS)
_CNAME: Final = int(RRType.CNAME)
_DNAME: Final = int(RRType.DNAME)
_NSEC: Final = int(RRType.NSEC)
_NSEC3: Final = int(RRType.NSEC3)
_ANY: Final = int(RRType.ANY)
_NEVER_WILD: Final = frozenset({_DS, int(RRType.DNSKEY), _NSEC, _NSEC3, int(RRType.SOA), _DNAME})
"""What may not come from a wildcard, or proves nothing when it does (RFC 4592 4)."""


class Alias(NamedTuple):
    """A CNAME or DNAME that leads on."""

    rrset: RRset
    """The one that is signed."""
    target: bytes | None
    """Folded; None when the name would be too long (RFC 6672 2.2)."""


class Checked(NamedTuple):
    """An RRset that was found to be signed."""

    rrset: RRset
    cap: int
    """Seconds its TTL may be at most."""

    @property
    def ttl(self) -> int:
        return min(self.rrset.ttl, self.cap)


class _Both:
    """Records of both kinds, as a zone has them while it changes from one to the other."""

    def __init__(self, proofs: Sequence[Proof]) -> None:
        self._proofs = proofs

    def deny(self, name: bytes, rrtype: int) -> Denial:
        return best([proof.deny(name, rrtype) for proof in self._proofs])

    def expanded(self, name: bytes, encloser: bytes) -> Denial:
        return best([proof.expanded(name, encloser) for proof in self._proofs])


class Answer:
    """The reply's RRsets; those that were used and proven are noted."""

    def __init__(self, sections: Sections) -> None:
        self.sections = sections
        self.proofs_used = False
        """Something in the authority section is needed for what was proven."""
        self.proof_ttl = 0
        self._used: set[tuple[bytes, int]] = set()
        self._checked: dict[int, Checked] = {}
        self._proofs: dict[bytes, Proof] = {}
        self._made: dict[int, list[RRset]] = {}
        """CNAME RRsets by the DNAME that made them. Nobody signs these, and their TTL is its own (RFC 6672 3.1)."""

    @classmethod
    def read(cls, question: bytes, reply: Reply) -> Answer:
        """Take a reply apart.

        Raises:
            Bogus: it can't be taken apart, so nobody can know what it says.
        """
        sections = read_sections(question, reply)
        if sections is None:
            raise Bogus(EdeCode.DNSSEC_BOGUS, "the answer has records that can't be read, or too many")
        return cls(sections)

    @property
    def least_ttl(self) -> int:
        """Seconds; the least of all its RRsets."""
        every = [*self.sections.answer.values(), *self.sections.authority.values()]
        return min((rrset.ttl for rrset in every), default=0)

    # -- what answers what --

    def next_alias(self, name: bytes, qtype: int) -> Alias | None:
        """The alias that ``name`` is, when that is not what was asked for.

        Raises:
            Bogus: a CNAME that contradicts its DNAME, or more than one.
        """
        answer = self.sections.answer
        if qtype == _ANY or (name, qtype) in answer:
            return None
        cname = answer.get((name, _CNAME))
        if cname is not None:
            self._used.add((name, _CNAME))
        by_dname = self._by_dname(name, cname)
        if by_dname is not None or cname is None:
            return by_dname
        target = _target(cname)
        if target is None:
            raise Bogus(EdeCode.DNSSEC_BOGUS, f"the CNAME of {to_text(name)} can't be read")
        return Alias(cname, target)

    def final(self, name: bytes, qtype: int) -> list[RRset]:
        """The RRsets that were asked for, at the end of the aliases.

        A CNAME that was asked for and that a DNAME makes is as good as that, which is then what is told of.
        """
        answer = self.sections.answer
        keys = [key for key in answer if key[0] == name and qtype in (key[1], _ANY)]
        self._used.update(keys)
        found = [answer[key] for key in keys]
        if qtype == _CNAME and found:
            by_dname = self._by_dname(name, found[0])
            if by_dname is not None:
                return [by_dname.rrset]
        return found

    def _by_dname(self, name: bytes, cname: RRset | None) -> Alias | None:
        """The alias that a DNAME above makes of ``name`` (RFC 6672 2.3). ``cname``: the record that it should have made."""
        for (owner, rrtype), dname in self.sections.answer.items():
            if rrtype == _DNAME and owner != name and is_under(name, owner):
                self._used.add((owner, _DNAME))
                goal = _target(dname)
                if goal is None:
                    raise Bogus(EdeCode.DNSSEC_BOGUS, f"the DNAME of {to_text(owner)} can't be read")
                synthesized = _replaced(name, owner, goal)
                if cname is not None and _target(cname) != synthesized:
                    raise Bogus(EdeCode.DNSSEC_BOGUS, f"the CNAME of {to_text(name)} is not what its DNAME says")
                if cname is not None:
                    self._made.setdefault(id(dname), []).append(cname)
                return Alias(dname, synthesized)
        return None

    def denier(self, name: bytes, qtype: int) -> bytes | None:
        """The zone that says what ``name`` has not: the nearest that signed a denial."""
        found = [
            one.signer
            for (_, rrtype), rrset in self.sections.authority.items()
            if rrtype in {_NSEC, _NSEC3}
            for one in rrset.signatures
            if is_under(name, one.signer) and (qtype != _DS or one.signer != name or name == ROOT)
        ]
        return max(found, key=len, default=None)

    # -- what is proven --

    def check(self, rrset: RRset, zone: bytes, keys: Iterable[Key], now: int, work: Work) -> Checked:
        """Note that an RRset is signed, and that it may come from the wildcard that it came from.

        Raises:
            Bogus: it is not, or may not.
            Insecure: an unsigned delegation may be nearer than the wildcard (RFC 5155 9.2).
        """
        checked = self._checked.get(id(rrset))
        if checked is not None:
            return checked
        proven = verify(rrset, zone, keys, now, work)
        checked = self._checked[id(rrset)] = Checked(rrset, proven.ttl)
        if proven.labels != count_labels(rrset.owner):
            what = f"{type_text(rrset.rrtype)} of {to_text(rrset.owner)}"
            if rrset.rrtype in _NEVER_WILD:
                raise Bogus(EdeCode.DNSSEC_BOGUS, f"{what}: a wildcard can't stand for this")
            encloser = last_labels(rrset.owner, proven.labels)
            if not is_under(encloser, zone):
                raise Bogus(EdeCode.DNSSEC_BOGUS, f"{what}: the wildcard would be outside its zone")
            denial = self.proof(zone, keys, now, work).expanded(rrset.owner, encloser)
            if denial.what is Denied.NOTHING:
                raise Bogus(EdeCode.NSEC_MISSING, f"{what}: {denial.reason}")
            if denial.what is Denied.OPTED_OUT:
                raise Insecure
        return checked

    def proof(self, zone: bytes, keys: Iterable[Key], now: int, work: Work) -> Proof:
        """The denials that ``zone`` has signed in this reply.

        Raises:
            Bogus: there are none, or one is not signed as it should be.
            Insecure: they take more hashing than anybody has to do (RFC 9276 3.2).
            TooMuchWork: there are too many.
        """
        known = self._proofs.get(zone)
        if known is not None:
            return known
        self.proofs_used = True
        mine = [
            rrset
            for (_, rrtype), rrset in self.sections.authority.items()
            if rrtype in {_NSEC, _NSEC3} and any(one.signer == zone for one in rrset.signatures)
        ]
        if len(mine) > MAX_PROOFS:
            raise TooMuchWork(f"more than {MAX_PROOFS} NSEC and NSEC3 records")  # noqa: EM102
        seconds = []
        plain, hashed = [], []
        for rrset in mine:
            seconds.append(self.check(rrset, zone, keys, now, work).ttl)
            if len(set(rrset.datas)) > 1:
                raise Bogus(EdeCode.DNSSEC_BOGUS, f"two {type_text(rrset.rrtype)} records of {to_text(rrset.owner)}")
            if rrset.rrtype == _NSEC:
                one = read_nsec(rrset.owner, rrset.datas[0])
                plain += [one] if one else []
            else:
                other = read_nsec3(rrset.owner, zone, rrset.datas[0])
                hashed += [other] if other else []
        proofs: list[Proof] = [NsecProof(zone, plain)] if plain else []
        if hashed:
            most = max(one.iterations for one in hashed)
            if most > MAX_ITERATIONS:
                text = f"{to_text(zone)} hashes names {most} times more; {MAX_ITERATIONS} is the limit"
                raise Insecure(EdeCode.UNSUPPORTED_NSEC3_ITERATIONS, text)
            proofs.append(Nsec3Proof(zone, hashed, work))
        if not proofs:
            raise Bogus(EdeCode.NSEC_MISSING, f"{to_text(zone)} is signed, but has sent no proof of what is not there")
        self.proof_ttl = min(seconds)
        proof = self._proofs[zone] = proofs[0] if len(proofs) == 1 else _Both(proofs)
        return proof

    # -- what is left --

    def unused(self) -> list[RRset]:
        """RRsets of the answer section that answer nothing."""
        return [rrset for key, rrset in self.sections.answer.items() if key not in self._used]

    def unproven(self) -> list[RRset]:
        """RRsets of the authority section whose signatures were not looked at."""
        return [rrset for rrset in self.sections.authority.values() if id(rrset) not in self._checked]

    def capped(self, end: int) -> tuple[tuple[int, int], ...]:
        """(offset, seconds) of TTLs before ``end`` (-1: all) that are longer than the signatures permit."""
        caps = [(checked.rrset, checked.cap) for checked in self._checked.values()]
        caps += [(cname, one.ttl) for one in self._checked.values() for cname in self._made.get(id(one.rrset), ())]
        return tuple(
            (place, cap) for rrset, cap in caps for place, ttl in rrset.places if ttl > cap and (end < 0 or place < end)
        )


def _target(rrset: RRset) -> bytes | None:
    """The name that a CNAME or DNAME leads to, folded; None unless there is exactly one."""
    target = plain_name(rrset.datas[0], 0) if len(set(rrset.datas)) == 1 else None
    return fold(target) if target is not None and len(target) == len(rrset.datas[0]) else None


def _replaced(name: bytes, owner: bytes, target: bytes) -> bytes | None:
    made = name[: len(name) - len(owner)] + target
    return made if len(made) <= MAX_NAME else None
