"""What the ``[[client]]`` tables come to: names and tags for addresses, which rules may ask for."""

from __future__ import annotations

import re
from ipaddress import IPv6Network, ip_network
from typing import TYPE_CHECKING, Final

from mirage_hole.config.settled import ClientSettings
from mirage_hole.config.tables import fields_of
from mirage_hole.config.values import parse_network, refuse

if TYPE_CHECKING:
    from mirage_hole.config.settle import Findings
    from mirage_hole.config.tables import ClientTable

MAX_NAME: Final = 64  # characters
MAX_ADDRESSES: Final = 100  # of one client
MAX_TAGS: Final = 50  # of one client

_TAG = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
_MAPPED = IPv6Network("::ffff:0:0/96")


def settle_clients(found: Findings) -> tuple[ClientSettings, ...]:
    """Every ``[[client]]``: no name twice, and no network, since the most specific network says who somebody is."""
    tables: tuple[ClientTable | None, ...] = found.loaded.tables.get("client", ())
    settled = []
    names: dict[str, int] = {}
    networks: dict[str, str] = {}
    for number, table in enumerate(tables):
        if table is None:
            continue
        path = f"client[{number}]"
        name = _name(path, table.name, found)
        if name.casefold() in names:
            what = f"client[{names[name.casefold()]}] has this name already"
            found.problem(f"{path}.name", name, what, "write another name, or put the addresses into one table")
        names.setdefault(name.casefold(), number)
        settled.append(
            ClientSettings(
                name, _addresses(path, _many(table.addresses), networks, found), _tags(path, _many(table.tags), found)
            )
        )
    return tuple(settled)


def _many(written: tuple[str, ...] | str) -> tuple[str, ...]:
    return (written,) if isinstance(written, str) else tuple(written)


def _name(path: str, name: str, found: Findings) -> str:
    name = name.strip()
    write = f"write {fields_of('client')['name'].write}"
    if not name or len(name) > MAX_NAME or not name.isprintable():
        what = "empty" if not name else f"longer than {MAX_NAME} characters, or not printable"
        found.problem(f"{path}.name", name, what, write)
    elif _is_address(name):
        found.problem(f"{path}.name", name, "an address, which rules name without a table", write)
    return name


def _is_address(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _addresses(path: str, written: tuple[str, ...], taken: dict[str, str], found: Findings) -> tuple[str, ...]:
    """In canonical CIDR notation. ``taken``: networks of the tables so far, and where each was written."""
    path = f"{path}.addresses"
    if not written:
        found.problem(path, (), "nobody has this name", f"write {fields_of('client')['addresses'].write}")
    if len(written) > MAX_ADDRESSES:
        found.problem(path, None, f"{len(written)} addresses are too many", f"write at most {MAX_ADDRESSES}")
    networks = []
    for item, text in enumerate(written[:MAX_ADDRESSES]):
        network = found.parsed(path, text, lambda text=text: _network(text), "", item=item)  # type: ignore[misc]
        if not network:
            continue
        if network in taken:
            what = f"{taken[network]} has it already"
            found.problem(path, text, what, "write each address once, and one network within another", item=item)
            continue
        taken[network] = f"{path}[{item}]"
        networks.append(network)
    return tuple(networks)


def _network(text: str) -> str:
    if text.strip().lower() == "private":
        refuse("more than one network", "each network, such as 192.168.0.0/16")
    (network,) = parse_network(text)
    parsed = ip_network(network)
    if isinstance(parsed, IPv6Network) and parsed.subnet_of(_MAPPED):
        address = parsed.network_address.ipv4_mapped
        refuse("an IPv4 address in IPv6's clothes", f"{address}/{parsed.prefixlen - 96}")
    return network


def _tags(path: str, written: tuple[str, ...], found: Findings) -> tuple[str, ...]:
    path = f"{path}.tags"
    if len(written) > MAX_TAGS:
        found.problem(path, None, f"{len(written)} tags are too many", f"write at most {MAX_TAGS}")
    tags: dict[str, None] = {}
    for item, text in enumerate(written[:MAX_TAGS]):
        tag = text.strip().lower()
        if not _TAG.fullmatch(tag):
            found.problem(path, text, "no tag", f"write {fields_of('client')['tags'].write}", item=item)
        elif tag in tags:
            found.problem(path, text, "written twice", "write each tag once", item=item)
        tags[tag] = None
    return tuple(tags)
