"""Who asks: every device that was ever seen, with its name and what it has asked today."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta, Struct

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1 import configured
from mirage_hole.api.v1.changes import Overruled, WrongState, changes_of, refuse
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Time
from mirage_hole.observe.devices import key_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.observe.devices import Device
    from mirage_hole.observe.statistics import Statistics
    from mirage_hole.store.changes import Change
    from mirage_hole.store.tables import Row

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


class NameBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """What to call it."""

    name: Annotated[str, Meta(min_length=1, max_length=64, description="Its name, also in rules.", examples=["Desk"])]


class Named(Struct, kw_only=True):
    """The client that it is now."""

    name: str
    addresses: Annotated[list[str], Meta(description="All that have this name.")]


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


async def rename(call: Call[None, NameBody]) -> Named:
    """Makes or changes the stored client that has this address; of several devices of one name, one client has all addresses.

    Of IPv6, where no name tells devices of a /64 apart, the /64 gets the name.
    """
    service = needed(call.parts.notifications, "table of devices")
    wanted = call.path["address"]
    device = next((one for one, _ in service.devices() if wanted in {one.address, one.key}), None)
    if device is None:
        fault = Fault("address", "nobody with it was ever seen", "an address of GET /api/v1/devices")
        raise Refusal(404, f"There is no device {wanted}.", [fault])
    name, network = call.body.name.strip(), _network(device)
    for row in await configured.listed(call, "clients"):
        has = {_canonical(one) for one in row["addresses"]}
        if network in has and not row["changeable"]:
            fault = Fault("address", f"is that of {row['name']} in {row['origin']}", "the name there")
            raise Refusal(409, "The configuration file names this address.", [fault])
        if row["name"].casefold() == name.casefold() and network in has:
            return Named(name=row["name"], addresses=row["addresses"])
    return Named(**await _named(call, name, network))


async def _named(call: Call[None, NameBody], name: str, network: str) -> dict[str, Any]:
    """In one step: the address leaves whoever had it, and comes to who has the name."""

    def work(change: Change) -> Row:
        change.target = f"client {name}"
        rows = change.rows("clients")
        same: Row | None = None
        tags: list[str] = []
        for row in rows:
            left = [one for one in row["addresses"] if _canonical(one) != network]
            if row["name"].casefold() == name.casefold():
                same = row
            elif len(left) < len(row["addresses"]):
                if left:
                    change.put("clients", {**row, "addresses": left})
                else:  # it had no other: the client is renamed
                    tags = row["tags"]
                    change.remove("clients", row["name"])
        if same is not None:
            return change.put("clients", {**same, "addresses": [*same["addresses"], network]})
        return change.put("clients", {"name": name, "addresses": [network], "tags": tags})

    rows: list[Row] = []
    try:
        await changes_of(call).change(call.who.name, "name device", "", lambda change: rows.append(work(change)))
    except (WrongState, Overruled, OSError) as problem:
        refuse(problem, ("client", name))
    return {"name": rows[-1]["name"], "addresses": rows[-1]["addresses"]}


def _canonical(text: str) -> str:
    return str(ip_network(text, strict=False))


def _network(device: Device) -> str:
    return str(ip_network(device.key if device.key.endswith("/64") else device.address))


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
    Route(
        method="PATCH",
        path="/api/v1/devices/{address}",
        area="devices",
        role=Role.OPERATOR,
        handler=rename,
        summary="Name a device",
        body=NameBody,
        answer=Named,
        problems=(404, 409, 422, 503),
    ),
)
