"""What DHCP servers write down of their leases, as local data: dnsmasq, ISC dhcpd, and Kea's memfile.

The names come from the clients, so they are believed little: their first label counts, behind the local domain; names
that machines look for on their own (``wpad``) are nobody's; and of several clients of one name the latest has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.lists.spelling import LOCAL_NAMES, printable, read_name
from mirage_hole.local.hosts import MAX_LINE, Complaints, Parsed
from mirage_hole.local.lease_formats import BadLease, Lease, dhcpd_leases, dnsmasq_leases, kea_leases
from mirage_hole.local.record import Record
from mirage_hole.wire.codes import RRType
from mirage_hole.wire.names import BadName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_LEASES: Final = 100_000
TAKEN_NAMES: Final = frozenset({"wpad", "isatap", *LOCAL_NAMES})
"""Names that no client may call itself: others look for them without being told to (CERT VU#598349, as in dnsmasq)."""


class _Held(NamedTuple):
    record: Record
    order: tuple[float, int]
    ends_at: float


def parse_leases(text: str, now: float, ttl: int, domain: bytes = b"") -> Parsed:
    """Read a lease file, whose format is found out.

    Args:
        text: the file's.
        now: seconds since the epoch; leases that are over are no leases.
        ttl: of the records, in seconds.
        domain: stands behind the names, folded wire form; empty for none.
    """
    complaints = Complaints()
    newest: dict[bytes, tuple[int, Lease]] = {}
    for number, found in _leases(text):
        if isinstance(found, BadLease):
            complaints.add(number, str(found))
            continue
        if found.address not in newest and len(newest) >= MAX_LEASES:
            complaints.add(number, f"more than {MAX_LEASES} leases; the rest is not read")
            break
        newest.pop(found.address, None)  # files that grow have the newest last
        newest[found.address] = number, found
    held: dict[tuple[bytes, int], _Held] = {}
    for number, lease in newest.values():
        if not lease.name or lease.ends_at <= now:
            continue
        name = _name(number, lease.name, complaints)
        if name is None:
            continue
        kind = int(RRType.A if len(lease.address) == 4 else RRType.AAAA)
        order = lease.ends_at, number
        known = held.get((name, kind))
        if known is None or known.order <= order:
            record = Record(name[:-1] + domain if domain else name, kind, lease.address, ttl)
            held[name, kind] = _Held(record, order, lease.ends_at)
    ends = [one.ends_at for one in held.values() if one.ends_at != float("inf")]
    records = tuple(_also_alone(held.values(), domain))
    return Parsed(records, tuple(complaints.kept), complaints.more, min(ends, default=None))


def _also_alone(held: Iterable[_Held], domain: bytes) -> Iterator[Record]:
    for record, _, _ in held:
        yield record
        if domain:
            yield record._replace(name=record.name[: -len(domain)] + b"\0")


def _leases(text: str) -> Iterator[tuple[int, Lease | BadLease]]:
    lines = [
        (number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and line.lstrip()[0] != "#"
    ]
    if not lines:
        return iter(())
    first = lines[0][1].strip()
    long = [(number, BadLease(f"longer than {MAX_LINE} characters")) for number, line in lines if len(line) > MAX_LINE]
    if long:
        return iter(long)
    if first.startswith("address,"):
        return kea_leases(lines)
    if any(line.rstrip().endswith("{") for _, line in lines) or first.endswith(";"):
        return dhcpd_leases(lines)
    return dnsmasq_leases(lines)


def _name(number: int, text: str, complaints: Complaints) -> bytes | None:
    """The first label, in wire form; None for a name that nobody may have."""
    label = text.strip().partition(".")[0]
    if label.lower() in TAKEN_NAMES:
        complaints.add(
            number, f"{printable(label, 60)!r} is a name that machines look for on their own; no client gets it"
        )
        return None
    try:
        if "_" in label:
            raise BadName("'_' can't be in the name of a machine")  # noqa: EM101 - one sentence for both
        return read_name(label)
    except BadName as problem:
        complaints.add(number, f"{printable(label, 60)!r} is no host name: {problem}")
        return None
