"""The settings for people and editors: docs/configuration.md, the JSON schema, and a configuration as TOML.

``python -m mirage_hole.config.describe > docs/configuration.md`` writes the reference; a test holds it to the code.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec

from mirage_hole.config.cache_lifetimes import BOUNDS as CACHE_TIMES
from mirage_hole.config.notify_tables import masked_table
from mirage_hole.config.raw import SECTIONS, Raw, Setting, settings
from mirage_hole.config.tables import TABLES, Field, fields_of
from mirage_hole.config.values import format_duration, format_size
from mirage_hole.wire.codes import type_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.config.problem import Origin
    from mirage_hole.config.settled import Settled

INTRODUCTION = """\
# Configuration

<!-- Made from the sections in mirage_hole/config: change those, then `python -m mirage_hole.config.describe > docs/configuration.md` -->

Nothing needs to be configured: `mirage-hole` alone blocks with its own starter list and asks the system's resolvers.

Each setting can be written in three places. A flag beats an environment variable, a variable beats the file, and the
file beats the default. A list replaces the list of the place below it; it is not added to it. What was changed through the
API counts where none of the three says anything ([control-plane.md](control-plane.md)).

* **The file** is TOML. The first that exists is read: the one of `--config`, the one of `$MIRAGE_HOLE_CONFIG`,
  `$XDG_CONFIG_HOME/mirage-hole/config.toml` (`~/.config` when that is not set), `/etc/mirage-hole/config.toml`.
* **An environment variable** is named after the section and the key, `MIRAGE_HOLE_SERVER__PORT`, or after the flag,
  `MIRAGE_HOLE_PORT`. Items of a list are separated by spaces or commas (write a comma within a URL as `%2C`). An empty
  variable counts as not set.
* **A flag** stands before or behind the command: `mirage-hole --port 5353` and `mirage-hole serve --port 5353` are the
  same. Flags of lists may be repeated.

`mirage-hole config check` reports every problem at once, `mirage-hole config show --origin` prints the settings that hold
and where each was written, and `mirage-hole config schema` prints a JSON schema for editors.

## How values are written

| value | examples |
|---|---|
| time | `5` (seconds), `1.5s`, `500ms`, `10m`, `24h`, `7d`, `1h30m` |
| size | `65536` (octets), `64KiB`, `16M`, `1GiB`; units are powers of 1024 |
| address and port | `192.168.1.2`, `192.168.1.2:5353`, `::1`, `[::1]:5353`, `fe80::1%eth0`; never a host name |
| network | `192.168.0.0/16`, `2001:db8::/32`, `203.0.113.7`, and the word `private` |
| list source | `https://example.org/hosts.txt`, `/etc/mirage-hole/mine.txt`, `./mine.txt`, or a name from the catalogue such as `starter`; in the file, paths are relative to the file |

## An example

```toml
[server]
listen = ["192.168.1.2", "[fd00::2]:53"]

[lists]
block = ["starter", "https://example.org/hosts.txt"]
allow = ["./never-block.txt"]

[upstream]
servers = ["9.9.9.9", "[2620:fe::fe]:53"]

[[route]]
domains = ["corp.example", "10.0.0.0/8"]
servers = ["10.0.0.1"]

[[record]]
name = "nas.lan"
type = "A"
value = "192.168.1.5"

[[list]]
url = "https://example.com/fresh.txt"
refresh_every = "1h"

[[client]]
name = "Desk"
addresses = ["192.168.1.7", "fd00::7"]
tags = ["device_pc"]
```
"""


def markdown() -> str:
    """docs/configuration.md, whole."""
    parts = [INTRODUCTION]
    for section, struct in SECTIONS.items():
        parts.append(f"## `[{section}]`\n\n{struct.__doc__}\n")
        parts += [_markdown_of(setting) for path, setting in settings().items() if path.startswith(f"{section}.")]
    for name, struct in TABLES.items():
        doc = " ".join((struct.__doc__ or "").split())
        about = "In the file only. Written once for each, with double brackets."
        parts.append(f"## `[[{name}]]`\n\n{doc} {about}\n")
        parts += [_markdown_of_field(field) for field in fields_of(name).values()]
    return "\n".join(parts)


def _markdown_of_field(field: Field) -> str:
    default = field.default_text or f"`{_toml(field.default)}`"
    default = "none: it must be written" if field.default is msgspec.NODEFAULT else default
    return f"### `{field.key}`\n\n{field.doc}\n\n* default: {default}\n* write: {field.write}\n"


def _markdown_of(setting: Setting) -> str:
    key = setting.path.partition(".")[2]
    default = setting.default_text or f"`{_toml(setting.default)}`"
    by_section, by_flag = setting.variables
    flag = f"{setting.flag} {setting.metavar}".strip()
    if setting.default is True:
        flag += f"` or `{setting.opposite}"
    return (
        f"### `{key}`\n\n{setting.doc}\n\n"
        f"* default: {default}\n"
        f"* write: {setting.write}\n"
        f"* flag: `{flag}`\n"
        f"* variable: `{by_section}` or `{by_flag}`\n"
    )


def json_schema() -> dict[str, Any]:
    """The JSON schema of the configuration file."""
    schema = msgspec.json.schema(Raw)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Mirage Hole configuration",
        **schema,
    }


def as_toml(settled: Settled, origin: Callable[[str], Origin] | None = None) -> str:
    """The settings as a configuration file that settles to the same.

    Args:
        origin: says where a setting was written; None to leave that out.
    """
    values = values_of(settled)
    lines: list[str] = []
    for section in SECTIONS:
        lines.append(f"[{section}]")
        for path, setting in settings().items():
            if not path.startswith(f"{section}."):
                continue
            key = path.partition(".")[2]
            value = values[path]
            # TOML has no way to write "nothing", and reading "" back means just that.
            line = f"{key} = {_toml(setting.default if value is None else value)}"
            lines.append(f"{line}  # {origin(path)}" if origin else line)
        lines.append("")
    for name, tables in _tables(settled).items():
        for number, values in enumerate(tables):
            lines.append(f"[[{name}]]")
            for key in fields_of(name):
                place = f"  # {origin(f'{name}[{number}].{key}')}" if origin else ""
                lines.append(f"{key} = {_toml(values[key])}{place}")
            lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def _tables(settled: Settled) -> dict[str, list[dict[str, object]]]:
    """The repeated sections, each with its tables."""
    every = (format_duration(one.refresh_every) if one.refresh_every else "" for one in settled.lists)
    routed: dict[str, list[dict[str, object]]] = {
        name: [{**one._asdict(), "servers": tuple(map(str, one.servers))} for one in tables]
        for name, tables in (("group", settled.groups), ("route", settled.routes))
    }
    return {
        "list": [
            {**one._asdict(), "url": one.source, "refresh_every": time}
            for one, time in zip(settled.lists, every, strict=True)
        ],
        "client": [one._asdict() for one in settled.clients],
        **routed,
        "record": [
            {**one._asdict(), "ttl": format_duration(one.ttl) if one.ttl >= 0 else ""} for one in settled.records
        ],
        "notify": [masked_table(one) for one in settled.notify],
    }


def values_of(settled: Settled) -> dict[str, object]:
    return {
        "server.listen": tuple(map(str, settled.listen)),
        "server.port": settled.listen[0].port,
        "server.workers": settled.workers,
        "server.user": settled.user,
        "server.allow_from": settled.allow_from,
        "server.state_directory": str(settled.state_directory),
        "server.version_text": settled.version_text,
        "server.identity": settled.identity,
        "web.listen": "off" if settled.web is None else str(settled.web),
        "web.anywhere": settled.web_anywhere,
        "web.certificate": settled.door.certificate,
        "web.key": settled.door.key,
        "web.redirect": "" if settled.door.redirect is None else str(settled.door.redirect),
        "web.trusted_proxies": settled.door.trusted_proxies,
        "web.allow_from": settled.door.allow_from,
        "web.host_names": settled.door.host_names,
        "web.cors_origins": settled.door.cors_origins,
        "web.open_for": settled.web_open_for,
        "web.requests_per_second": settled.requests_per_second,
        "web.session_idle": format_duration(settled.session_idle),
        "web.session_max": format_duration(settled.session_max),
        "lists.block": settled.blocklists,
        "lists.allow": settled.allowlists,
        "lists.refresh_every": format_duration(settled.refresh_every),
        "lists.shrink_guard": round(settled.shrink_guard * 100),
        "lists.file_folders": tuple(map(str, settled.file_folders)),
        "upstream.servers": tuple(map(str, settled.upstreams)),
        "upstream.timeout": format_duration(settled.timeout),
        "upstream.strategy": settled.upstream_strategy,
        "upstream.fallback": settled.upstream_fallback,
        "upstream.bootstrap": tuple(map(str, settled.bootstrap)),
        "upstream.random_case": settled.random_case,
        "upstream.ecs": settled.ecs,
        "upstream.dnssec": settled.dnssec,
        "cache.size": format_size(settled.cache_bytes),
        **{f"cache.{key}": format_duration(getattr(settled.cache_lifetimes, key)) for key in CACHE_TIMES},
        "cache.prefetch": settled.cache_lifetimes.prefetch,
        "cache.keep": settled.cache_keep,
        "query_log.enabled": settled.query_log.enabled,
        "query_log.keep": f"{settled.query_log.keep}d",
        "query_log.keep_blocked": f"{settled.query_log.keep_blocked}d",
        "query_log.size": format_size(settled.query_log.size),
        "query_log.profile": settled.query_log.profile,
        "query_log.privacy": settled.query_log.privacy,
        "query_log.exclude": settled.query_log.exclude,
        "influx.url": settled.influx.url,
        "influx.token_file": settled.influx.token_file,
        "influx.every": format_duration(settled.influx.every),
        "statistics.enabled": settled.statistics.enabled,
        "statistics.keep_minutes": format_duration(settled.statistics.keep_minutes),
        "statistics.keep_hours": format_duration(settled.statistics.keep_hours),
        "statistics.keep_days": format_duration(settled.statistics.keep_days),
        "dnssec.anchors": settled.trust.file,
        "dnssec.unsigned": settled.trust.unsigned,
        "edns.cookies": settled.edns.cookies,
        "edns.nsid": settled.edns.nsid,
        "edns.padding": settled.edns.padding,
        "blocking.mode": settled.block_mode,
        "blocking.ipv4": settled.block_ipv4,
        "blocking.ipv6": settled.block_ipv6,
        "blocking.ttl": format_duration(settled.block_ttl),
        "blocking.until_loaded": "closed" if settled.wait_for_lists else "open",
        "answers.special_names": settled.special_names,
        "answers.canaries": settled.canaries,
        "answers.private_relay": settled.private_relay,
        "answers.private_reverse": settled.private_reverse,
        "answers.rebinding": settled.rebinding,
        "answers.rebinding_allow": settled.rebinding_allow,
        "answers.ech": "drop" if settled.drop_ech else "keep",
        "answers.any": settled.any_answer,
        "answers.block_types": tuple(map(type_text, settled.block_types)),
        "local.name": settled.local.name,
        "local.addresses": settled.local.addresses,
        "local.domain": settled.local.domain,
        "local.ttl": format_duration(settled.local.ttl),
        "local.hosts": settled.local.hosts,
        "local.leases": settled.local.leases,
        "local.forward_unqualified": settled.forward_unqualified,
        "limits.queries_per_second": settled.queries_per_second,
        "limits.burst": settled.query_burst,
        "limits.exempt": settled.limit_exempt,
        "limits.enforce": settled.limit_enforce,
        "limits.answers_per_second": settled.answers_per_second,
        "limits.tcp_connections": settled.tcp_connections,
        "limits.tcp_connections_per_client": settled.tcp_connections_per_client,
        "log.level": settled.log_level.lower(),
        "log.format": settled.log_format,
    }


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        # A JSON string is a TOML string but for one octet, which JSON leaves as it is.
        return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    sys.stdout.write(markdown())
