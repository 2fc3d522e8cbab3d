"""Who asks: every device that was ever seen, with its name and what it has asked today."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Time
from mirage_hole.observe.devices import key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.observe.devices import Device
    from mirage_hole.observe.statistics import Statistics

MOST_COUNTED = 1000
"""Addresses that are counted apart."""


class DevicesQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which of them."""

    search: Annotated[str, Meta(max_length=64, description="A part of the name or address.", examples=["192.168."])] = (
        ""
    )
    limit: Annotated[int, Meta(ge=1, le=10_000, description="At most so many.", examples=[100])] = 1000


class DeviceRow(Struct, kw_only=True):
    """One of them. Of IPv6, addresses within one /64 that have the same name, or none, are one."""

    device: Annotated[str, Meta(description="What it is known by.", examples=["192.168.1.7", "2001:db8::/64 laptop"])]
    address: Annotated[str, Meta(description="That it had last.")]
    name: Annotated[str, Meta(description="From [[client]], leases or hosts files; empty when nobody says.")]
    first_seen: Time
    last_seen: Time
    queries: Annotated[int, Meta(description="Of the last day, at least 18 hours of it.")]
    blocked: int


class DeviceList(Struct, kw_only=True):
    """Those that were asked for, who was seen last first."""

    total: Annotated[int, Meta(description="That match, whatever the limit.")]
    devices: list[DeviceRow]


async def show(call: Call[DevicesQuery, None]) -> DeviceList:
    """Everybody who has ever asked, the last 10,000. Where clients are not to be remembered, there is nobody."""
    service = needed(call.parts.notifications, "table of devices")
    known = service.devices()
    state = needed(call.parts.state, "statistics")
    part = call.query.search.casefold()
    found = [(one, name) for one, name in known if part in name.casefold() or part in one.address or part in one.key]
    counted = _counted(state.statistics, service.name_of, state.clock())
    rows = [_row(one, name, counted.get(one.key, (0, 0))) for one, name in found[: call.query.limit]]
    return DeviceList(total=len(found), devices=rows)


def _row(device: Device, name: str, counts: tuple[int, int]) -> DeviceRow:
    return DeviceRow(
        device=device.key,
        address=device.address,
        name=name,
        first_seen=device.first_seen,
        last_seen=device.last_seen,
        queries=counts[0],
        blocked=counts[1],
    )


def _counted(statistics: Statistics, name_of: Callable[[bytes], str], now: float) -> dict[str, tuple[int, int]]:
    """Queries and blocked queries by the device's key."""
    queries: Counter[str] = Counter()
    blocked: Counter[str] = Counter()
    for ranked, stopped in statistics.top(MOST_COUNTED, now).clients:
        address = ip_address(ranked.key)
        if address.version == 6 and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        packed = address.packed
        key = key_of(address, lambda packed=packed: name_of(packed))  # type: ignore[misc]
        queries[key] += ranked.times
        blocked[key] += stopped
    return {key: (number, blocked[key]) for key, number in queries.items()}


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/devices",
        area="devices",
        role=Role.VIEWER,
        handler=show,
        summary="Who asks",
        query=DevicesQuery,
        answer=DeviceList,
    ),
)
