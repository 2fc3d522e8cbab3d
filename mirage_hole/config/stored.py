"""Settings that were made while the server runs, as a layer between the defaults and the file.

What a flag, a variable or the file says counts instead of what is stored. Something stored that means nothing any more, as after an
upgrade, must not keep the server from starting: it is left out with a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mirage_hole.config.problem import Origin, Problem
from mirage_hole.config.raw import settings
from mirage_hole.config.tables import take_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirage_hole.config.load import Loaded

STATE: Final = "state.db"
NEVER: Final = {
    "server.state_directory": "it says where stored settings are",
    "server.user": "it is needed before they are read",
    "web.certificate": "root may read it at the start, and who changes settings need not be root",
    "web.key": "root may read it at the start, and who changes settings need not be root",
    "dnssec.anchors": "root may read it at the start, and who changes settings need not be root",
}
"""Settings that can't be stored, and why."""

Row = dict[str, Any]


class Stored(NamedTuple):
    """What is stored."""

    settings: Mapping[str, Any] = {}
    """Path to value, as the configuration file would have it."""
    tables: Mapping[str, Mapping[str | int, Row]] = {}
    """``client``, ``record``, ``group`` and ``route``: key to fields, as the configuration file would have them."""
    problem: str = ""
    """Why it can't be read; empty when it can."""

    def without(self, bad: set[tuple[str, str | int]]) -> Stored:
        """Without these; a setting is ``("", path)``, else it is (table, key)."""
        return Stored(
            {path: value for path, value in self.settings.items() if ("", path) not in bad},
            {
                name: {key: row for key, row in rows.items() if (name, key) not in bad}
                for name, rows in self.tables.items()
            },
            self.problem,
        )


def add_stored(loaded: Loaded, values: dict[str, object], stored: Stored, take: Callable[..., None]) -> None:
    """Put what is stored below what was written. ``take`` is :func:`mirage_hole.config.load._take`."""
    known = settings()
    for path, value in stored.settings.items():
        if path not in known or path in NEVER:
            instead = "it is left out"
            what = f"can't be stored: {NEVER[path]}" if path in NEVER else "no such setting any more"
            loaded.warnings.append(Problem(path, None, what, instead, Origin("stored", STATE)))
        elif path not in loaded.places:
            loaded.places[path] = Origin("stored", STATE)
            take(loaded, values, known[path], tuple(value) if isinstance(value, list) else value)
    for name, rows in stored.tables.items():
        written = loaded.tables.get(name, ())
        taken = {one for table in written if table is not None for one in names_of(name, _fields(table))}
        wanted: dict[str | int, Row] = {}
        for key, row in rows.items():
            if taken.isdisjoint(names_of(name, row)):
                wanted[key] = row
            else:
                loaded.hidden.add((name, key))
        if not wanted:
            continue
        first = len(written)
        places = [Origin("stored", f"{STATE}, {name} {key}") for key in wanted]
        loaded.stored_rows.update({f"{name}[{first + number}]": (name, key) for number, key in enumerate(wanted)})
        loaded.tables[name] = (*written, *take_tables(loaded, name, list(wanted.values()), first, places))


def names_of(table: str, fields: Mapping[str, Any]) -> set[Any]:
    """What only one table of this kind may have; what the file says counts instead of what is stored under the same."""
    if table == "record":
        networks = fields.get("networks") or ()
        networks = (networks,) if isinstance(networks, str) else tuple(networks)
        return {(str(fields["name"]).lower().rstrip("."), str(fields["type"]).upper(), fields["value"], networks)}
    if table == "route":
        domains = fields["domains"]
        return {str(one).lower().rstrip(".") for one in ((domains,) if isinstance(domains, str) else domains)}
    return {str(fields["name"]).strip().casefold()}


def culprits(loaded: Loaded) -> set[tuple[str, str | int]]:
    """What of the stored there are problems with, as :meth:`Stored.without` takes it."""
    found: set[tuple[str, str | int]] = set()
    for problem in loaded.problems:
        place = loaded.places.get(problem.setting)
        row = loaded.stored_rows.get(problem.setting.partition(".")[0])
        if row is not None:
            found.add(row)
        elif place is not None and place.kind == "stored":
            found.add(("", problem.setting))
    return found


def _fields(table: Any) -> dict[str, Any]:
    return {name: getattr(table, name) for name in table.__struct_fields__}
