"""What the user may write: the sections of ``config.toml``, each setting with its type, default and explanation.

The sections, in ``serving``, ``resolving`` and ``answering``, are the only places that know a setting's name. The flags, the environment variables, the JSON schema, the help texts
and docs/configuration.md are all made from it. Values here are as written; ``config/settle.py`` says what they mean.
"""

# Annotations stay live objects here (no ``from __future__ import annotations``): they are data, read by `settings`.
from functools import cache
from typing import Any, NamedTuple

from msgspec import Struct

from mirage_hole.config.about import Many
from mirage_hole.config.answering import Answers, Blocking, Limits, Local
from mirage_hole.config.influx import Influx
from mirage_hole.config.keeping import Statistics
from mirage_hole.config.query_log import QueryLog
from mirage_hole.config.resolving import Cache, Dnssec, Edns, Upstream
from mirage_hole.config.serving import Lists, Log, Server, Web
from mirage_hole.config.tables import ClientTable, GroupTable, ListTable, NotifyTable, RecordTable, RouteTable


class Raw(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration as written: one field a section; those that are repeated are at the end."""

    server: Server = Server()
    web: Web = Web()
    lists: Lists = Lists()
    upstream: Upstream = Upstream()
    cache: Cache = Cache()
    dnssec: Dnssec = Dnssec()
    edns: Edns = Edns()
    blocking: Blocking = Blocking()
    answers: Answers = Answers()
    local: Local = Local()
    limits: Limits = Limits()
    log: Log = Log()
    query_log: QueryLog = QueryLog()
    statistics: Statistics = Statistics()
    influx: Influx = Influx()
    list: tuple[ListTable, ...] = ()
    client: tuple[ClientTable, ...] = ()
    group: tuple[GroupTable, ...] = ()
    route: tuple[RouteTable, ...] = ()
    record: tuple[RecordTable, ...] = ()
    notify: tuple[NotifyTable, ...] = ()


SECTIONS: dict[str, type[Struct]] = {
    "server": Server,
    "web": Web,
    "lists": Lists,
    "upstream": Upstream,
    "cache": Cache,
    "dnssec": Dnssec,
    "edns": Edns,
    "blocking": Blocking,
    "answers": Answers,
    "local": Local,
    "limits": Limits,
    "log": Log,
    "query_log": QueryLog,
    "statistics": Statistics,
    "influx": Influx,
}


class Setting(NamedTuple):
    """One setting, and how it is written in each place."""

    path: str
    """``server.listen``: section and key."""
    type: Any
    default: object
    doc: str
    flag: str
    metavar: str
    write: str
    """Completes the sentence "write …"."""
    default_text: str
    """For people, when the default is found at run time; else empty."""
    choices: tuple[str, ...]

    @property
    def is_list(self) -> bool:
        return bool(self.type == Many)

    @property
    def opposite(self) -> str:
        """The flag that switches off what is on by default."""
        return f"--no-{self.flag[2:]}"

    @property
    def variables(self) -> tuple[str, str]:
        """The two environment variables that set it: by section and key, and by the flag's name."""
        section, key = self.path.split(".")
        return f"MIRAGE_HOLE_{section}__{key}".upper(), "MIRAGE_HOLE_" + self.flag[2:].replace("-", "_").upper()


@cache
def settings() -> dict[str, Setting]:
    """Every setting by path, in the order of the sections."""
    found = {}
    for section, struct in SECTIONS.items():
        for key, default in zip(struct.__struct_fields__, struct.__struct_defaults__, strict=True):
            annotated = struct.__annotations__[key]
            meta = annotated.__metadata__[0]
            extra = meta.extra
            path = f"{section}.{key}"
            found[path] = Setting(
                path,
                annotated.__origin__,
                default,
                meta.description,
                extra["flag"],
                extra["metavar"],
                extra["write"],
                extra["default"],
                extra["choices"],
            )
    return found
