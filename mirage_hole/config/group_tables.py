"""What the ``[[group]]`` and ``[[route]]`` tables come to: who is asked for which names."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from mirage_hole.config.networks import settle_servers
from mirage_hole.config.settled import GroupSettings, RouteSettings
from mirage_hole.config.tables import fields_of
from mirage_hole.config.values import refuse
from mirage_hole.wire.names import BadName, from_text, to_text

if TYPE_CHECKING:
    from mirage_hole.config.host import Host
    from mirage_hole.config.settle import Findings
    from mirage_hole.config.settled import Endpoint
    from mirage_hole.config.tables import GroupTable, RouteTable

DEFAULT: Final = "default"
"""The name of the group that ``[upstream]`` describes."""
UNQUALIFIED: Final = "unqualified"
"""Written in place of a domain: names of one label."""
MAX_NAME: Final = 64  # characters
MAX_ZONES: Final = 4096  # domains of all routes together, reverse zones of networks included
_REVERSE: Final = {4: (8, "in-addr.arpa"), 6: (4, "ip6.arpa")}
"""Bits of a label and the zone."""


def settle_groups(listen: tuple[Endpoint, ...], found: Findings, host: Host) -> tuple[GroupSettings, ...]:
    """Every ``[[group]]``. No name twice; a fallback is a group that there is."""
    tables: tuple[GroupTable | None, ...] = found.loaded.tables.get("group", ())
    settled: list[GroupSettings] = []
    names = {DEFAULT: f"[upstream] is the group {DEFAULT}"}
    for number, table in enumerate(tables):
        if table is None:
            continue
        path = f"group[{number}]"
        name = table.name.strip()
        if not name or len(name) > MAX_NAME or not name.isprintable():
            what = "empty" if not name else f"longer than {MAX_NAME} characters, or not printable"
            found.problem(f"{path}.name", name, what, f"write {fields_of('group')['name'].write}")
        elif name.casefold() in names:
            found.problem(f"{path}.name", name, names[name.casefold()], "write another name")
        names.setdefault(name.casefold(), f"{path} has this name already")
        servers = settle_servers(f"{path}.servers", table.servers, listen, found, host)
        if not table.servers:
            found.problem(f"{path}.servers", (), "a group of nobody", f"write {fields_of('group')['servers'].write}")
        settled.append(GroupSettings(name, servers, table.strategy, table.dnssec, table.fallback.strip()))
    for number, one in enumerate(settled):
        _known_group(f"group[{number}].fallback", one.fallback, settled, found, but=one.name)
    _known_group("upstream.fallback", found.loaded.raw.upstream.fallback.strip(), settled, found, but=DEFAULT)
    return tuple(settled)


def settle_routes(
    groups: tuple[GroupSettings, ...], listen: tuple[Endpoint, ...], found: Findings, host: Host
) -> tuple[RouteSettings, ...]:
    """Every ``[[route]]``, networks turned into their reverse zones; no domain twice."""
    tables: tuple[RouteTable | None, ...] = found.loaded.tables.get("route", ())
    settled = []
    taken: dict[str, str] = {}
    for number, table in enumerate(tables):
        if table is None:
            continue
        path = f"route[{number}]"
        domains = _domains(path, table.domains, taken, found)
        group = table.group.strip()
        if bool(group) == bool(table.servers):
            what = "both a group and servers" if group else "neither a group nor servers"
            found.problem(path, None, what, "write one of group and servers")
        _known_group(f"{path}.group", group, groups, found)
        servers = settle_servers(f"{path}.servers", table.servers, listen, found, host)
        if group and table.fallback.strip():
            what = "the group has a fallback of its own, or none"
            found.problem(f"{path}.fallback", table.fallback, what, "write fallback in the [[group]]")
        _known_group(f"{path}.fallback", table.fallback.strip(), groups, found)
        settled.append(RouteSettings(domains, group, servers, table.fallback.strip()))
    if len(taken) > MAX_ZONES:
        found.problem("route", None, f"{len(taken)} zones are too many", f"write at most {MAX_ZONES}")
    return tuple(settled)


def _known_group(
    path: str,
    name: str,
    groups: tuple[GroupSettings, ...] | list[GroupSettings],
    found: Findings,
    *,
    but: str = "",
) -> None:
    names = [DEFAULT, *(one.name for one in groups)]
    if name and name not in names:
        found.problem(path, name, "no such group", f"write one of {', '.join(names)}, or a [[group]] of this name")
    elif name and name == but:
        found.problem(path, name, "the group itself", "write another group, or leave it out")


def _domains(path: str, written: tuple[str, ...] | str, taken: dict[str, str], found: Findings) -> tuple[str, ...]:
    path = f"{path}.domains"
    texts = (written,) if isinstance(written, str) else tuple(written)
    if not texts:
        found.problem(path, (), "a route for nothing", f"write {fields_of('route')['domains'].write}")
    domains: list[str] = []
    for item, text in enumerate(texts):
        for domain in found.parsed(path, text, lambda text=text: zones_of(text), (), item=item):  # type: ignore[misc]
            if domain in taken:
                found.problem(path, text, f"{taken[domain]} has {domain} already", "write each domain once", item=item)
                continue
            taken[domain] = f"{path}[{item}]"
            domains.append(domain)
    return tuple(domains)


def zones_of(text: str) -> tuple[str, ...]:
    """``Corp.Example`` -> ``corp.example``; a network -> its reverse zones (RFC 1035 3.5, RFC 3596 2.5); ``unqualified``.

    Raises:
        BadValue: neither.
    """
    text = text.strip()
    if text.lower() == UNQUALIFIED:
        return (UNQUALIFIED,)
    if "/" in text:
        return _reverse_zones(text)
    try:
        return (to_text(from_text(text.removeprefix("*."))),)
    except BadName as problem:
        refuse(str(problem), "a domain such as corp.example, a network such as 192.168.0.0/16, or unqualified")


def _reverse_zones(text: str) -> tuple[str, ...]:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        refuse("not a network", "a network such as 192.168.0.0/16 or fd00::/8")
    bits, zone = _REVERSE[network.version]
    labels = -(-network.prefixlen // bits)
    zones = []
    for part in network.subnets(new_prefix=labels * bits):
        pointer = part.network_address.reverse_pointer.removesuffix(f".{zone}").split(".")
        zones.append(".".join([*pointer[len(pointer) - labels :], zone]))
    return tuple(zones)
