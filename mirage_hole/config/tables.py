"""Sections that are written once for each thing, as ``[[list]]`` is: what may be in one, and how it is taken from the file.

They are in the file only: a flag or a variable has no place for several values that belong together.
"""

# Annotations stay live objects here (no ``from __future__ import annotations``): they are data, read by `fields_of`.
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import NODEFAULT, Meta, Struct

from mirage_hole.config.problem import Origin, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.config.load import Loaded

MAX_TABLES = {"list": 200, "client": 1000, "group": 20, "route": 30, "record": 5000, "notify": 20}
STRATEGIES = ("fastest", "weighted", "parallel", "strict", "hedged")
KINDS = ("block", "allow")
SECRETS = frozenset({"password", "secret"})
"""Fields whose values are never shown."""


def about(description: str, write: str, *, default: str = "") -> Meta:
    """What people are told of a field. ``write`` completes "write …"; ``default`` is for defaults that are no value."""
    return Meta(description=description, extra={"write": write, "default": default})


class ListTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One list with wishes of its own. The lists of `lists.block` and `lists.allow` need none of this; one that is there as
    well is used as its table says."""

    url: Annotated[
        str,
        about("Where the list is: a URL, a file, or a name from the catalogue.", "a URL, a file, or a catalogue name"),
    ]
    kind: Annotated[
        Literal["block", "allow"],
        about("Whether its plain names are blocked, or never blocked.", "block or allow"),
    ] = "block"
    title: Annotated[
        str,
        about("What it is called in answers and reports.", "a short text", default="what the list calls itself"),
    ] = ""
    format: Annotated[
        str,
        about("How it is written.", "a format such as hosts, domains or adblock", default="found out from its lines"),
    ] = ""
    refresh_every: Annotated[
        int | float | str,
        about(
            "How often it is downloaded, whatever it says itself.",
            "a time from 1m to 365d, such as 6h",
            default="as the list's own `Expires:` says, else `lists.refresh_every`",
        ),
    ] = ""
    sha256: Annotated[
        str,
        about(
            "The SHA-256 that its text, unpacked, must have; any other text is refused.",
            "64 hexadecimal digits, as sha256sum prints them",
            default="any",
        ),
    ] = ""
    enabled: Annotated[
        bool, about("false: it is left out, also when lists.block or lists.allow has it.", "true or false")
    ] = True


class ClientTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who has which addresses. Rules may then be about clients by their name (`$client=Desk`) and by their tags
    (`$ctag=child`). Of several networks that an address is in, the smallest says whose it is."""

    name: Annotated[
        str, about("What the client is called in rules.", 'a name of at most 64 characters, such as "Desk"')
    ]
    addresses: Annotated[
        tuple[str, ...] | str,
        about("Its addresses and networks.", 'addresses or networks, such as ["192.168.1.7", "fd00::/64"]'),
    ]
    tags: Annotated[
        tuple[str, ...] | str,
        about(
            "What rules may say it is.",
            'words of a-z, 0-9, _ and -, such as ["device_tv", "child"]',
            default="none",
        ),
    ] = ()


class GroupTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Resolvers that stand for each other, to be named by a route or as a fallback. The resolvers of `[upstream]` are the
    group `default`."""

    name: Annotated[str, about("What routes call it.", 'a name of at most 64 characters, such as "office"')]
    servers: Annotated[
        tuple[str, ...] | str,
        about("Resolvers to ask, in the order of preference.", 'addresses such as ["10.0.0.1", "[fd00::1]:53"]'),
    ]
    strategy: Annotated[
        Literal["fastest", "weighted", "parallel", "strict", "hedged"],
        about("Which of them is asked; see `upstream.strategy`.", "fastest, weighted, parallel, strict or hedged"),
    ] = "fastest"
    dnssec: Annotated[bool, about("Check the signatures of their answers here.", "true or false")] = False
    fallback: Annotated[
        str, about("The group that is asked when none of them gives an answer.", "the name of a group", default="none")
    ] = ""


class RouteTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Names that are asked of others than the rest is (conditional forwarding, split DNS). Of several routes for a name, the
    longest domain decides. Routed names may lead to private addresses and need no signatures."""

    domains: Annotated[
        tuple[str, ...] | str,
        about(
            "Domains, each with all names below it; networks stand for their reverse zones, and unqualified for names "
            "without a dot.",
            'domains and networks, such as ["corp.example", "192.168.0.0/16", "unqualified"]',
        ),
    ]
    group: Annotated[
        str, about("The group that is asked.", "the name of a group", default="none: servers is written")
    ] = ""
    servers: Annotated[
        tuple[str, ...] | str,
        about("The resolvers that are asked.", 'addresses such as ["192.168.1.1"]', default="none: group is written"),
    ] = ()
    fallback: Annotated[
        str,
        about(
            "The group that is asked when none of the servers gives an answer.", "the name of a group", default="none"
        ),
    ] = ""


class RecordTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record that this server answers itself, in front of all rules. The other types of its name have no data. An address
    leads back to the name (PTR), unless a PTR record says otherwise. An alias (CNAME) is followed, also out of here."""

    name: Annotated[
        str,
        about(
            "The name. `*.` in front stands for all names below that have nothing closer; a PTR record may be written "
            "with the address as its name. A name without a dot counts with `local.domain` behind it, too.",
            'a name such as "nas.lan", "*.dev.lan" or "nas"',
        ),
    ]
    type: Annotated[str, about("The type.", "A, AAAA, CNAME, TXT, SRV, MX, HTTPS, SVCB, PTR, CAA or another")]
    value: Annotated[
        str,
        about(
            "The data, as zone files have it; of types without a form of their own as octets.",
            r'the data, such as "192.168.1.5", "10 mail.lan", "1 . alpn=h2" or "\# 4 0a000001"',
        ),
    ]
    ttl: Annotated[
        int | float | str,
        about("How long clients may remember it.", "a time such as 60s", default="as `local.ttl` says"),
    ] = ""
    networks: Annotated[
        tuple[str, ...] | str,
        about(
            "The clients that get it. Of the networks that a client is in, the most specific counts that is written at "
            "a record of this name; its records are then all that the client sees of the name.",
            'networks and addresses, such as ["10.8.0.0/16", "fd00::/8"]',
            default="all",
        ),
    ] = ()


class NotifyTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told when something needs attention; see docs/notifications.md. A secret is written here or is the first line of a file
    that only this server's account reads."""

    name: Annotated[str, about("What it is called.", 'a name of at most 64 characters, such as "phone"')]
    kind: Annotated[
        Literal["webhook", "ntfy", "smtp"],
        about("How it is told: a POST of JSON, a topic of ntfy, or mail.", "webhook, ntfy or smtp"),
    ]
    url: Annotated[
        str,
        about(
            "Where to send to: the webhook's address, or that of the topic, such as https://ntfy.sh/my-topic.",
            "a URL that begins with https:// or http://",
            default="none: a webhook and ntfy need it",
        ),
    ] = ""
    server: Annotated[
        str,
        about(
            "The mail server.",
            'a name or an address, such as "mail.example.org"',
            default="none: smtp needs it",
        ),
    ] = ""
    port: Annotated[
        int,
        about("The mail server's port.", "a number from 1 to 65535", default="587; 465 with tls, 25 with none"),
    ] = 0
    tls: Annotated[
        Literal["starttls", "tls", "none"],
        about(
            "How mail is protected on its way; with none, it is not, and no password is sent.",
            "starttls, tls or none",
        ),
    ] = "starttls"
    user: Annotated[str, about("The login there.", "a text", default="none")] = ""
    password: Annotated[
        str, about("Its password; for ntfy without a user, an access token.", "a text", default="none")
    ] = ""
    password_file: Annotated[str, about("The file with the password.", "a file", default="none")] = ""
    secret: Annotated[
        str,
        about("Signs what a webhook gets, with HMAC-SHA256.", "at least 16 characters", default="none"),
    ] = ""
    secret_file: Annotated[str, about("The file with the secret.", "a file", default="none")] = ""
    sender: Annotated[
        str,
        about("The address that mail is from.", 'an address such as "dns@example.org"', default="none: smtp needs it"),
    ] = ""
    to: Annotated[
        tuple[str, ...] | str,
        about(
            "The addresses that mail goes to.", 'addresses such as ["me@example.org"]', default="none: smtp needs it"
        ),
    ] = ()
    events: Annotated[
        tuple[str, ...] | str,
        about(
            "What it is told of.",
            'events such as ["upstream-down", "storage"]; docs/notifications.md has them all',
            default="everything but list-updated",
        ),
    ] = ()
    every: Annotated[
        int | float | str,
        about("The least time between two messages about the same thing.", "a time from 1m to 7d, such as 6h"),
    ] = "1h"
    link: Annotated[
        str,
        about(
            "The address of the web page, as those who are told reach it.",
            "a URL such as http://192.168.1.2:8080",
            default="that of web.listen, where it says one that others reach",
        ),
    ] = ""


TABLES: dict[str, type[Struct]] = {
    "list": ListTable,
    "client": ClientTable,
    "group": GroupTable,
    "route": RouteTable,
    "record": RecordTable,
    "notify": NotifyTable,
}
"""Name of the repeated section to its fields."""


class Field(NamedTuple):
    """One field of a repeated section."""

    key: str
    type: Any
    default: object
    """``NODEFAULT`` for one that must be there."""
    doc: str
    write: str
    """Completes the sentence "write …"."""
    default_text: str
    """For people, when the default is no value; else empty."""


@cache
def fields_of(name: str) -> dict[str, Field]:
    """The fields of a repeated section by key, in their order."""
    found = {}
    for field in msgspec.structs.fields(TABLES[name]):
        annotated = TABLES[name].__annotations__[field.name]
        meta = annotated.__metadata__[0]
        found[field.name] = Field(
            field.name,
            annotated.__origin__,
            field.default,
            meta.description,
            meta.extra["write"],
            meta.extra["default"],
        )
    return found


def take_tables(
    loaded: "Loaded", name: str, content: object, first: int = 0, places: "Sequence[Origin] | None" = None
) -> tuple[Any, ...]:
    """The tables of a repeated section, whose values have the right types; what is wrong is added to the problems.

    The origin of ``list[0].url`` and its like can be asked from ``loaded`` afterwards. A table with a problem is left out.

    Args:
        loaded: takes the problems.
        name: of the section.
        content: what was written.
        first: the number of the first; those before are taken already.
        places: where each is from; None: from the file.
    """
    place = Origin("file", str(loaded.file))
    if places is None:
        loaded.places[name] = place
    if not isinstance(content, list) or not all(isinstance(table, dict) for table in content):
        what = "a section that may be repeated, so it has double brackets"
        loaded.problems.append(Problem(name, None, what, f"write [[{name}]]", loaded.origin(name)))
        return ()
    if first + len(content) > MAX_TABLES[name]:
        what = f"{first + len(content)} tables are too many"
        loaded.problems.append(Problem(name, None, what, f"write at most {MAX_TABLES[name]}", loaded.origin(name)))
        return ()
    for number, table in enumerate(content):
        origin = place if places is None else places[number]
        loaded.places[f"{name}[{first + number}]"] = origin
        loaded.places.update({f"{name}[{first + number}].{key}": origin for key in table})
    return tuple(_take_table(loaded, name, f"{name}[{first + n}]", table) for n, table in enumerate(content))


def _take_table(loaded: "Loaded", name: str, path: str, table: dict[str, Any]) -> Struct | None:
    fields = fields_of(name)
    good: dict[str, Any] = {}
    count = len(loaded.problems)

    def complain(key: str, value: object, what: str, instead: str) -> None:
        where = f"{path}.{key}" if key in table else path
        loaded.problems.append(Problem(f"{path}.{key}", value, what, f"write {instead}", loaded.origin(where)))

    for key, value in table.items():
        field = fields.get(key)
        if field is None:
            complain(key, None, "no such setting", _nearest(key, fields))
            continue
        try:
            good[key] = msgspec.convert(value, field.type)
        except msgspec.ValidationError:
            complain(key, None if key in SECRETS else value, "not what belongs here", field.write)
    for key, field in fields.items():
        if field.default is NODEFAULT and key not in table:
            complain(key, None, "missing", f"{key} = …: {field.write}")
    return TABLES[name](**good) if len(loaded.problems) == count else None


def _nearest(key: str, fields: dict[str, Field]) -> str:
    from difflib import get_close_matches

    return next(iter(get_close_matches(key, fields, 1, 0.6)), f"one of {', '.join(fields)}")
