"""What the section ``[local]`` and the ``[[record]]`` tables come to: names that are answered here, and where from."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mirage_hole.config.places import folder_of
from mirage_hole.config.raw import settings
from mirage_hole.config.settled import LocalSettings, RecordSettings
from mirage_hole.config.tables import fields_of
from mirage_hole.config.values import parse_duration, parse_network, refuse
from mirage_hole.wire.codes import RRType, type_text
from mirage_hole.wire.names import BadName, from_text, labels_of, to_text

if TYPE_CHECKING:
    from mirage_hole.config.settle import Findings
    from mirage_hole.config.tables import RecordTable

MAX_FILES: Final = 50  # of a kind
MAX_PATH: Final = 4096  # characters
MAX_NETWORKS: Final = 100  # of one record
MAX_TTL: Final = 604_800  # seconds: a week
MAX_ADDRESSES: Final = 32  # of the server


def settle_local(records: tuple[RecordSettings, ...], found: Findings) -> LocalSettings:
    """The section ``[local]``."""
    raw = found.loaded.raw.local
    domain = _name("local.domain", raw.domain, found)
    hosts = _files("local.hosts", raw.hosts, found)
    leases = _files("local.leases", raw.leases, found)
    if leases and not domain:
        instead = f"write {settings()['local.domain'].write}"
        found.problem("local.domain", raw.domain, "leases need a domain to be names in", instead)
    here = any("." not in one.name or f".{one.name}".endswith(f".{domain}") for one in records)
    return LocalSettings(
        name=_name("local.name", raw.name, found),
        addresses=_addresses(raw.addresses, found),
        domain=domain,
        serves_domain=bool(domain) and bool(hosts or leases or here),
        ttl=_ttl("local.ttl", raw.ttl, found),
        hosts=hosts,
        leases=leases,
    )


def settle_records(found: Findings) -> tuple[RecordSettings, ...]:
    """Every ``[[record]]``. An alias stands alone at its name (RFC 1034 3.6.2)."""
    tables: tuple[RecordTable | None, ...] = found.loaded.tables.get("record", ())
    settled = []
    kinds: dict[tuple[str, tuple[str, ...]], tuple[int, int]] = {}
    for number, table in enumerate(tables):
        if table is None:
            continue
        path = f"record[{number}]"
        kind = found.parsed(f"{path}.type", table.type, lambda table=table: _type(table.type), 0)  # type: ignore[misc]
        if not kind:
            continue
        name = found.parsed(f"{path}.name", table.name, lambda table=table, kind=kind: _owner(table.name, kind), "")  # type: ignore[misc]
        found.parsed(f"{path}.value", table.value, lambda table=table, kind=kind: _data(kind, table.value), b"")  # type: ignore[misc]
        networks = _networks(f"{path}.networks", table.networks, found)
        ttl = -1 if table.ttl == "" else _ttl(f"{path}.ttl", table.ttl, found)
        there, first = kinds.setdefault((name, networks), (kind, number))
        if name and RRType.CNAME in {kind, there} and first != number:
            what = f"record[{first}] is about this name, and an alias stands alone"
            found.problem(f"{path}.name", table.name, what, "write one CNAME for a name, or other records")
        settled.append(RecordSettings(name, type_text(kind), table.value.strip(), ttl, networks))
    return tuple(settled)


# The parsers are loaded when there are records: starting has no time for them.


def _type(text: str) -> int:
    from mirage_hole.local.records import read_type

    try:
        return read_type(text)
    except ValueError as problem:
        refuse(str(problem), fields_of("record")["type"].write)


def _owner(text: str, kind: int) -> str:
    from mirage_hole.local.records import read_owner

    try:
        name, wildcard = read_owner(text, kind)
    except ValueError as problem:
        refuse(str(problem), fields_of("record")["name"].write)
    return f"*.{to_text(name)}" if wildcard else to_text(name)


def _data(kind: int, value: str) -> bytes:
    from mirage_hole.local.records import read_data

    try:
        return read_data(kind, value)
    except ValueError as problem:
        refuse(str(problem), f"the data of {type_text(kind)} as zone files have it")


def _networks(path: str, written: tuple[str, ...] | str, found: Findings) -> tuple[str, ...]:
    texts = (written,) if isinstance(written, str) else tuple(written)
    if len(texts) > MAX_NETWORKS:
        found.problem(path, None, f"{len(texts)} networks are too many", f"write at most {MAX_NETWORKS}")
    networks: dict[str, None] = {}
    for text in texts[:MAX_NETWORKS]:
        networks.update(dict.fromkeys(found.parsed(path, text, lambda text=text: parse_network(text), ())))  # type: ignore[misc]
    return tuple(networks)


def _name(path: str, text: str, found: Findings) -> str:
    """A domain as people write it; empty for none."""
    text = text.strip()
    if not text:
        return ""
    try:
        name = from_text(text)
        if not labels_of(name) or b"\1*" in name:
            raise BadName("every name there is")  # noqa: EM101
    except BadName as problem:
        found.problem(path, text, str(problem), f"write {settings()[path].write}")
        return ""
    return to_text(name)


def _addresses(written: tuple[str, ...] | str, found: Findings) -> tuple[str, ...]:
    path = "local.addresses"
    addresses: dict[str, None] = {}
    texts = (written,) if isinstance(written, str) else tuple(written)
    if len(texts) > MAX_ADDRESSES:
        found.problem(path, None, f"{len(texts)} addresses are too many", f"write at most {MAX_ADDRESSES}")
    for item, text in enumerate(texts[:MAX_ADDRESSES]):
        try:
            address = ip_address(text.strip())
        except ValueError:
            found.problem(path, text, "no address", f"write {settings()[path].write}", item=item)
            continue
        if address.is_unspecified or address.is_multicast or "%" in text:
            found.problem(path, text, "no address of a machine", f"write {settings()[path].write}", item=item)
            continue
        addresses[str(address)] = None
    return tuple(addresses)


def _files(path: str, written: tuple[str, ...] | str, found: Findings) -> tuple[str, ...]:
    """Absolute paths, each once. Whether they are there is for the server to see, again and again."""
    texts = (written,) if isinstance(written, str) else tuple(written)
    if len(texts) > MAX_FILES:
        found.problem(path, None, f"{len(texts)} files are too many", f"write at most {MAX_FILES}")
    base = folder_of(found, path)
    files: dict[str, None] = {}
    for item, text in enumerate(texts[:MAX_FILES]):
        bare = text.strip()
        if not bare or not bare.isprintable() or len(bare) > MAX_PATH:
            found.problem(path, text, "no file", f"write {settings()[path].write}", item=item)
            continue
        try:
            files[str(base / Path(bare).expanduser())] = None
        except RuntimeError:  # ~nobody-of-that-name
            found.problem(path, text, "no such user", f"write {settings()[path].write}", item=item)
    return tuple(files)


def _ttl(path: str, value: float | str, found: Findings) -> int:
    seconds = found.parsed(path, value, lambda: parse_duration(value), 0.0)
    if not 0 <= seconds <= MAX_TTL or seconds != int(seconds):
        found.problem(path, value, "no TTL", "write whole seconds, at most 7d, such as 60s")
    return int(seconds)
