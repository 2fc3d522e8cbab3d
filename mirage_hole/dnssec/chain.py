"""The state machine: from a reply to a verdict, by way of the questions that must be asked for it.

It goes from the closest trust anchor or known zone downwards: each label is asked for DS; a denial says whether it is a
zone cut. Pieces of an answer, as CNAME chains have them, are validated one by one (RFC 4035 5, RFC 6840).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.dnssec.answers import Answer
from mirage_hole.dnssec.denial import Denied
from mirage_hole.dnssec.keys import entry_points, read_ds, read_keys, usable
from mirage_hole.dnssec.limits import MAX_ALIASES, Work
from mirage_hole.dnssec.memory import FAILURE, LEAST, MOST, MOST_UNSIGNED, Kind, Known
from mirage_hole.dnssec.order import ROOT, ancestors, count_labels, is_under, parent
from mirage_hole.dnssec.outcome import Bogus, Ended, Insecure, Result, Status, TooMuchWork, Unknown, ended_by
from mirage_hole.dnssec.signatures import verify
from mirage_hole.wire.codes import EdeCode, Rcode, RRType, type_text
from mirage_hole.wire.names import to_text

if TYPE_CHECKING:
    from collections.abc import Generator

    from mirage_hole.dnssec.anchors import Trust
    from mirage_hole.dnssec.answers import Checked
    from mirage_hole.dnssec.keys import DS, Key
    from mirage_hole.dnssec.memory import Memory
    from mirage_hole.dnssec.rrsets import RRset
    from mirage_hole.wire.scan import Reply

_DS: Final = int(RRType.DS)
_DNSKEY: Final = int(RRType.DNSKEY)
_DNAME: Final = int(RRType.DNAME)
_RRSIG: Final = int(RRType.RRSIG)
_IN: Final = b"\0\1"
_CLOCK: Final = "; the clock of this machine may be wrong"
_STRIPPED: Final = "; the upstream may take signatures away"
_HINTS: Final[dict[int, str]] = {
    EdeCode.SIGNATURE_EXPIRED: _CLOCK,
    EdeCode.SIGNATURE_NOT_YET_VALID: _CLOCK,
    EdeCode.RRSIGS_MISSING: _STRIPPED,
}
"""What is likely when the zone of a trust anchor itself is broken, which the world would have noticed."""


class Need(NamedTuple):
    """A question to be asked, class IN, with DO and CD set."""

    name: bytes
    """Folded."""
    rrtype: int


class Zone(NamedTuple):
    """A zone whose keys are trusted."""

    name: bytes
    keys: tuple[Key, ...]


class Validator:
    """One reply under validation. :meth:`step` is called until it gives a :class:`Result`."""

    def __init__(self, question: bytes, reply: Reply, trust: Trust, memory: Memory) -> None:
        """``question`` is the question section, its name folded; ``memory`` outlives the validation."""
        self.work = Work()
        self._question = question
        self._name, self._qtype = question[:-4], int.from_bytes(question[-4:-2], "big")
        self._reply = reply
        self._trust = trust
        self._memory = memory
        self._now = 0
        self._run = self._validate()
        self._begun = False

    def step(self, reply: Reply | None, now: int) -> Need | Result:
        """Go on.

        Args:
            reply: to the last :class:`Need`; None at the first call, and when nobody answered.
            now: seconds since the epoch.

        Returns what is needed next, or the end. Not to be called after the end.
        """
        self._now = now
        try:
            if self._begun:
                return self._run.send(reply)
            self._begun = True
            return next(self._run)
        except StopIteration as end:
            result: Result = end.value
            return result
        except Ended as end:
            return end.result

    # -- the reply --

    def _validate(self) -> Generator[Need, Reply | None, Result]:
        reply, qtype = self._reply, self._qtype
        if qtype == _RRSIG:
            return Result(Status.INSECURE)  # nobody signs signatures
        if reply.rcode not in {Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.YXDOMAIN}:
            raise Unknown(EdeCode.DNSSEC_INDETERMINATE, f"nothing to validate in an answer with code {reply.rcode}")
        answer = Answer.read(self._question, reply)
        insecure: Insecure | None = None
        name: bytes | None = self._name
        aliases = 0
        while name is not None:
            aliases += 1
            if aliases > MAX_ALIASES:
                raise TooMuchWork(f"more than {MAX_ALIASES} aliases in a row")  # noqa: EM102
            following = answer.next_alias(name, qtype)
            try:
                self._heed(name)
                if following is None:
                    yield from self._end_of_chain(answer, name)
                else:
                    yield from self._secure(answer, following.rrset)
                    if following.target is None and reply.rcode != Rcode.YXDOMAIN:
                        raise Bogus(
                            EdeCode.DNSSEC_BOGUS, f"{to_text(name)} becomes too long, which the answer does not say"
                        )
            except Insecure as found:
                insecure = insecure or found
            name = following.target if following is not None else None
        if insecure is None:
            try:
                return (yield from self._all_of(answer))
            except Insecure as found:
                insecure = found
        return Result(Status.INSECURE, insecure.code, insecure.text)

    def _end_of_chain(self, answer: Answer, name: bytes) -> Generator[Need, Reply | None, None]:
        """The records that were asked for, or the proof that there are none."""
        final = answer.final(name, self._qtype)
        rcode = self._reply.rcode
        if final:
            insecure: Insecure | None = None
            for rrset in final:
                try:
                    yield from self._secure(answer, rrset)
                except Insecure as found:
                    insecure = found
            if insecure is not None:
                raise insecure
            if rcode != Rcode.NOERROR:
                raise Bogus(EdeCode.DNSSEC_BOGUS, f"{to_text(name)} has records, though the answer says code {rcode}")
            return
        what = f"{type_text(self._qtype)} of {to_text(name)}"
        signer = answer.denier(name, self._qtype)
        if signer is None:
            zone = yield from self._walk(_side(name, self._qtype))
            raise Bogus(
                EdeCode.NSEC_MISSING, f"{what}: {to_text(zone.name)} is signed, but nothing proves that there is none"
            )
        zone = yield from self._zone(signer, what)
        denial = answer.proof(zone.name, zone.keys, self._now, self.work).deny(name, self._qtype)
        if denial.what is Denied.NOTHING:
            raise Bogus(EdeCode.NSEC_MISSING, f"{what}: {denial.reason}")
        if denial.what is Denied.OPTED_OUT:
            raise Insecure
        wanted = {Rcode.NXDOMAIN: Denied.NAME, Rcode.NOERROR: Denied.TYPE}.get(Rcode(rcode))
        if denial.what is not wanted:
            raise Bogus(EdeCode.DNSSEC_BOGUS, f"{what}: code {rcode} is not what is proven")

    def _secure(self, answer: Answer, rrset: RRset) -> Generator[Need, Reply | None, Checked]:
        """An RRset with a chain; when it came from a wildcard, with the proof that it may."""
        what = f"{type_text(rrset.rrtype)} of {to_text(rrset.owner)}"
        side = _side(rrset.owner, rrset.rrtype)
        signers = [one.signer for one in rrset.signatures if is_under(side, one.signer)]
        if not signers:
            zone = yield from self._walk(side)
            raise Bogus(EdeCode.RRSIGS_MISSING, f"{what}: {to_text(zone.name)} is signed, but this is not")
        zone = yield from self._zone(max(signers, key=len), what)
        return answer.check(rrset, zone.name, zone.keys, self._now, self.work)

    def _all_of(self, answer: Answer) -> Generator[Need, Reply | None, Result]:
        """Nothing else may be in an answer that is called secure (RFC 4035 3.2.3)."""
        for rrset in answer.unused():
            raise Bogus(
                EdeCode.DNSSEC_BOGUS, f"{type_text(rrset.rrtype)} of {to_text(rrset.owner)}: nobody asked for it"
            )
        end = -1
        rest = answer.unproven()
        if rest and not answer.proofs_used:
            end = answer.sections.answer_end  # such as the zone's NS records
        elif rest:
            for rrset in rest:
                yield from self._secure(answer, rrset)
        return Result(Status.SECURE, ttls=answer.capped(end), answer_end=end)

    # -- the chain --

    def _zone(self, name: bytes, what: str) -> Generator[Need, Reply | None, Zone]:
        """The zone of exactly this name.

        Raises:
            Insecure: a delegation on the way there is unsigned.
            Bogus: there is no such zone, or its keys can't be trusted.
        """
        zone = yield from self._walk(name)
        if zone.name != name:
            raise Bogus(EdeCode.DNSKEY_MISSING, f"{what}: signed by {to_text(name)}, which is no zone")
        return zone

    def _walk(self, target: bytes) -> Generator[Need, Reply | None, Zone]:
        """The zone that ``target`` is in, by what is known and what must be asked. Raises as :meth:`_zone` does."""
        self._heed(target)
        path = ancestors(target)
        zone: Zone | None = None
        below: list[bytes] = []
        for name in path:
            known = self._memory.get(name, self._now)
            if known is not None:
                if known.ended is not None:
                    raise ended_by(known.ended)
                if known.kind is Kind.ZONE:
                    zone = Zone(name, known.keys)
                    break
            anchors = self._trust.anchors.get(name)
            if anchors:
                zone = yield from self._enter(name, anchors, anchor=True)
                break
            below.append(name)
        if zone is None:
            raise Insecure  # no trust anchor is above it (RFC 4033 5, indeterminate there)
        for name in reversed(below):
            known = self._memory.get(name, self._now)
            if known is None:
                zone, known = yield from self._descend(zone, name)
            if known.kind is Kind.NOWHERE:
                break
        return zone

    def _descend(self, zone: Zone, name: bytes) -> Generator[Need, Reply | None, tuple[Zone, Known]]:
        """What ``name`` is, one label or more below the apex of ``zone``."""
        answer = yield from self._ask(name, _DS)
        now, work = self._now, self.work
        known = self._memory.get(name, now)
        if known is not None:  # another validation that waited for the same was faster
            if known.ended is not None:
                raise ended_by(known.ended)
            return Zone(name, known.keys) if known.kind is Kind.ZONE else zone, known
        try:
            rrset = answer.sections.answer.get((name, _DS))
            if rrset is not None:
                checked = answer.check(rrset, zone.name, zone.keys, now, work)
                seconds = checked.ttl
                records = [ds for ds in map(read_ds, rrset.datas) if ds is not None]
                below = yield from self._enter(name, usable(name, records))
                return below, self._keep(name, Kind.ZONE, seconds, below.keys)
            alias = answer.next_alias(name, _DS)
            if alias is not None:  # a name that is an alias is no zone
                seconds = answer.check(alias.rrset, zone.name, zone.keys, now, work).ttl
                below_it = alias.rrset.rrtype == _DNAME or answer.proofs_used
                return zone, self._keep(name, Kind.NOWHERE if below_it else Kind.INSIDE, seconds)
            denial = answer.proof(zone.name, zone.keys, now, work).deny(name, _DS)
            seconds = answer.proof_ttl
            if denial.what is Denied.NOTHING:
                raise Bogus(EdeCode.NSEC_MISSING, f"DS of {to_text(name)}: {denial.reason}")
            if denial.cut or denial.what is Denied.OPTED_OUT:
                raise Insecure
            return zone, self._keep(name, Kind.NOWHERE if denial.ends else Kind.INSIDE, seconds)
        except Insecure as ended:
            self._keep(name, Kind.UNSIGNED, min(MOST_UNSIGNED, answer.least_ttl), ended=ended)
            raise
        except (Bogus, TooMuchWork) as ended:
            self._keep(name, Kind.BROKEN, FAILURE, ended=ended)
            raise

    def _enter(
        self, name: bytes, records: tuple[DS, ...] | list[DS], *, anchor: bool = False
    ) -> Generator[Need, Reply | None, Zone]:
        """The keys of a zone that ``records`` vouch for."""
        answer = yield from self._ask(name, _DNSKEY)
        known = self._memory.get(name, self._now)
        if known is not None and known.kind is Kind.ZONE:  # another validation was faster
            return Zone(name, known.keys)
        try:
            rrset = answer.sections.answer.get((name, _DNSKEY))
            if rrset is None:
                text = f"{to_text(name)} should have keys, and has none{_STRIPPED if anchor else ''}"
                raise Bogus(EdeCode.DNSKEY_MISSING, text)
            keys = read_keys(name, rrset)
            entries = entry_points(name, keys, usable(name, records), self.work)
            proven = verify(rrset, name, entries, self._now, self.work)
            if proven.labels != count_labels(name):
                raise Bogus(EdeCode.DNSSEC_BOGUS, f"the keys of {to_text(name)} come from a wildcard")
        except Bogus as ended:
            if anchor:
                ended = Bogus(ended.code, ended.text + _HINTS.get(ended.code, ""))
            self._keep(name, Kind.BROKEN, LEAST if anchor else FAILURE, ended=ended)
            raise ended from None
        except TooMuchWork as ended:
            self._keep(name, Kind.BROKEN, FAILURE, ended=ended)
            raise
        self._keep(name, Kind.ZONE, min(rrset.ttl, proven.ttl), keys)
        return Zone(name, keys)

    def _heed(self, name: bytes) -> None:
        """The negative trust anchors.

        Raises:
            Insecure: one is at ``name`` or above it.
        """
        negative = self._trust.negative
        if negative and not negative.isdisjoint(ancestors(name)):
            raise Insecure

    def _ask(self, name: bytes, rrtype: int) -> Generator[Need, Reply | None, Answer]:
        self.work.question()
        reply = yield Need(name, rrtype)
        what = f"{type_text(rrtype)} of {to_text(name)}"
        if reply is None or reply.rcode not in {Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.YXDOMAIN}:
            raise Unknown(EdeCode.DNSSEC_INDETERMINATE, f"{what}, which validation needs, could not be had")
        return Answer.read(name + rrtype.to_bytes(2, "big") + _IN, reply)

    def _keep(
        self, name: bytes, kind: Kind, seconds: int, keys: tuple[Key, ...] = (), ended: Ended | None = None
    ) -> Known:
        known = Known(kind, self._now + min(max(seconds, LEAST), MOST), keys, ended.result if ended else None)
        self._memory.put(name, known)
        return known


def _side(name: bytes, rrtype: int) -> bytes:
    """A name in whose zone records of this type are: DS records are on the parent's side of a cut."""
    return parent(name) if rrtype == _DS and name != ROOT else name
