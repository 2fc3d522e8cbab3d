"""Reads what was written: flags over environment over file over what is stored over default, and for each value where it came from.

Nothing is judged here but the form: unknown names, wrong types, a file that can't be read. Every problem is collected,
and a value with a problem is left at its default, so that one reading finds everything there is to find.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mirage_hole.config.lines import line_of, lines_of
from mirage_hole.config.problem import DEFAULT, Origin, Problem, shown
from mirage_hole.config.raw import SECTIONS, Raw, Setting, settings
from mirage_hole.config.stored import add_stored
from mirage_hole.config.tables import TABLES, take_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mirage_hole.config.host import Host
    from mirage_hole.config.stored import Stored

MAX_FILE = 1024 * 1024
MAX_ITEMS = 1000  # in one list setting
PREFIX = "MIRAGE_HOLE_"
CONFIG_VARIABLE = "MIRAGE_HOLE_CONFIG"

_TRUE = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

_TYPE_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}


@dataclass(slots=True)
class Loaded:
    """What was written, and where."""

    raw: Raw = field(default_factory=Raw)
    file: Path | None = None
    text: str = ""
    """The configuration file's."""
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    places: dict[str, Origin] = field(default_factory=dict)
    """Origin of each value that is not a default; a file's without its line, see :meth:`origin`."""
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The list sources of ``lists.block``, ``lists.allow`` and ``list`` once settled."""
    wished: list[tuple[str, str, str, bool]] = field(default_factory=list)
    """(path, source, kind, enabled) of each ``[[list]]`` once settled."""
    tables: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    """The repeated sections by name; None for a table with a problem."""
    stored_rows: dict[str, tuple[str, str | int]] = field(default_factory=dict)
    """``client[3]`` to table and key, where that is stored and not in the file."""
    hidden: set[tuple[str, str | int]] = field(default_factory=set)
    """Table and key of what is stored and does not count, since the file has something of the same name."""
    broken: set[str] = field(default_factory=set)
    """Settings that already have a problem: the default that stands in for them is not worth a second one."""

    def origin(self, path: str, item: int | None = None) -> Origin:
        """Where a setting was written, or one item of its list; with the line when in a file."""
        place = self.places.get(path, DEFAULT)
        if place.kind != "file":
            return place
        line = line_of(lines_of(self.text), path if item is None else f"{path}[{item}]")
        return Origin("file", f"{place.where}:{line}")


def load(
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    host: Host,
    config: str | None = None,
    stored: Callable[[str], Stored] | None = None,
) -> Loaded:
    """Read everything.

    Args:
        flags: setting path (``server.port``) to the flag's text, texts (for a list) or True.
        environ: the environment variables.
        host: the machine.
        config: the path given with ``--config``.
        stored: what is stored, for the state directory as it was written; empty for the default. None: nothing.
    """
    loaded = Loaded()
    values: dict[str, object] = {}
    _read_file(loaded, values, environ, host, config)
    _read_environment(loaded, values, environ)
    for path, value in flags.items():
        _take_text(loaded, values, settings()[path], value, Origin("flag", settings()[path].flag))
    if stored is not None:
        add_stored(loaded, values, stored(str(values.get("server.state_directory", ""))), _take)
    sections: dict[str, dict[str, object]] = {}
    for path, value in values.items():
        section, key = path.split(".")
        sections.setdefault(section, {})[key] = value
    tables = {name: tuple(filter(None, taken)) for name, taken in loaded.tables.items()}
    loaded.raw = Raw(**{name: SECTIONS[name](**keys) for name, keys in sections.items()}, **tables)  # type: ignore[arg-type]
    return loaded


def find_file(environ: Mapping[str, str], host: Host, config: str | None) -> tuple[Path | None, Origin]:
    """The configuration file to read, and who asked for it; None when nobody did and none is in the usual places."""
    if config:
        return _absolute(config), Origin("flag", "--config")
    if named := environ.get(CONFIG_VARIABLE):
        return _absolute(named), Origin("environment", CONFIG_VARIABLE)
    base = environ.get("XDG_CONFIG_HOME", "")
    # The XDG specification: a relative path there is to be ignored.
    folder = Path(base) if base.startswith("/") else host.home / ".config"
    for path in (folder / "mirage-hole" / "config.toml", host.system_config):
        try:
            path.stat()
        except PermissionError:
            pass  # it may exist: reading it will say so clearly
        except OSError:
            continue
        else:
            return path, DEFAULT
        if path == host.system_config:
            return path, DEFAULT
    return None, DEFAULT


def _absolute(path: str) -> Path:
    """It is read again on SIGHUP, so it must not depend on the current directory."""
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:  # ~nobody-of-that-name
        return Path(path).absolute()


def _read_file(
    loaded: Loaded, values: dict[str, object], environ: Mapping[str, str], host: Host, config: str | None
) -> None:
    path, origin = find_file(environ, host, config)
    if path is None:
        return
    loaded.file = path
    text = _file_text(loaded, path, origin)
    if text is None:
        return
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).partition(" (at ")
        found = re.search(r"line (\d+)", place)
        line = int(found[1]) if found else text.count("\n") + 1
        # The parser shows the keys of a table as Python does: ('server',) is server.
        reason = re.sub(
            r"\('.*',?\)", lambda keys: ".".join(key.strip(" '") for key in keys[0][1:-1].split(",") if key), reason
        )
        what = f"not valid TOML: {reason[:1].lower()}{reason[1:]}"
        loaded.problems.append(Problem(f"{path}:{line}", None, what, "correct the line"))
        return
    except RecursionError:
        loaded.problems.append(
            Problem(str(path), None, "nested too deeply to be a configuration", "write [section] and key = value")
        )
        return
    loaded.text = text
    _take_document(loaded, values, document)


def _file_text(loaded: Loaded, path: Path, origin: Origin) -> str | None:
    def refuse(problem: str, instead: str) -> None:
        loaded.problems.append(Problem(str(path), None, problem, instead, origin))

    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        refuse("no such file", f"give the path of a file that exists with {origin}, or leave it out")
    except IsADirectoryError:
        refuse("a directory, not a file", f"write {path / 'config.toml'}")
    except PermissionError:
        refuse("not readable for this user", f"let it be read: chmod a+r {path}")
    except OSError as error:
        refuse(f"can't be read: {error.strerror or error}", "")
    else:
        if len(data) > MAX_FILE:
            refuse("larger than 1 MiB, so no configuration", "give the path of a configuration file")
            return None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            bad = Problem(f"{path}:{line}", None, "not UTF-8", "save the file in the encoding UTF-8", origin)
            loaded.problems.append(bad)
    return None


def _take_document(loaded: Loaded, values: dict[str, object], document: dict[str, Any]) -> None:
    known = settings()
    place = Origin("file", str(loaded.file))
    for section, content in document.items():
        if section in TABLES:
            loaded.tables[section] = take_tables(loaded, section, content)
        elif section not in SECTIONS:
            _unknown(loaded, section)
        elif not isinstance(content, dict):
            loaded.places[section] = place
            origin = loaded.origin(section)
            loaded.problems.append(
                Problem(section, content, "a section, not a setting", f"write [{section}] on a line of its own", origin)
            )
        else:
            for key, value in content.items():
                path = f"{section}.{key}"
                if path not in known:
                    _unknown(loaded, path)
                    continue
                loaded.places[path] = place
                _take(loaded, values, known[path], value)


def _unknown(loaded: Loaded, path: str) -> None:
    line = line_of(lines_of(loaded.text), path)
    section, _, key = path.partition(".")
    near = _nearest(path, [*settings(), *SECTIONS] if key else [*SECTIONS, *settings()], key or section)
    near = f"[{near}]" if near in SECTIONS else near
    instead = f"write {near}" if near else f"write one of {', '.join(SECTIONS)}"
    what = "no such setting" if key else "no such section"
    loaded.problems.append(Problem(path, None, what, instead, Origin("file", f"{loaded.file}:{line}")))


def _nearest(word: str, candidates: list[str], key: str = "") -> str:
    """The candidate that was probably meant: the same key in another section, else the most similar; empty if none is."""
    from difflib import get_close_matches

    for candidate in candidates:
        if key and candidate.endswith(f".{key}"):
            return candidate
    keys = {candidate.rpartition(".")[2]: candidate for candidate in reversed(candidates)}
    matches = get_close_matches(word, candidates, 1, 0.7) or get_close_matches(key or word, keys, 1, 0.7)
    return keys.get(matches[0], matches[0]) if matches else ""


def _read_environment(loaded: Loaded, values: dict[str, object], environ: Mapping[str, str]) -> None:
    by_variable = {name: setting for setting in settings().values() for name in setting.variables}
    taken: dict[str, tuple[str, str]] = {}
    for name in sorted(environ):
        value = environ[name]
        # An empty variable is one that is not set: compose files write ${PORT:-}.
        if not name.startswith(PREFIX) or name == CONFIG_VARIABLE or not value.strip():
            continue
        setting = by_variable.get(name)
        if setting is None:
            near = _nearest(name, list(by_variable))
            instead = f"write {near}" if near else "see docs/configuration.md for those that are"
            loaded.warnings.append(Problem(name, None, "no such variable", instead, Origin("environment", name)))
            continue
        other, other_value = taken.get(setting.path, (name, value))
        if other_value != value:
            what = f"{other} sets the same setting to {shown(other_value)}"
            origin = Origin("environment", name)
            loaded.problems.append(Problem(setting.path, value, what, f"set only one of {other} and {name}", origin))
            continue
        taken[setting.path] = name, value
        _take_text(loaded, values, setting, value, Origin("environment", name))


def _take_text(loaded: Loaded, values: dict[str, object], setting: Setting, value: object, origin: Origin) -> None:
    """Take a value that was written as text, in a variable or a flag."""
    loaded.places[setting.path] = origin
    if isinstance(value, str):
        value = value.strip()
        if setting.is_list:
            # Neither an address nor a network holds a comma; a URL can write %2C.
            value = tuple(re.split(r"[\s,]+", value.strip(", \t\r\n")))
        elif setting.type is bool:
            value = _TRUE.get(value.lower(), value)
    _take(loaded, values, setting, value, strict=False)


def _take(loaded: Loaded, values: dict[str, object], setting: Setting, value: object, *, strict: bool = True) -> None:
    """Check a value's type; a later call for the same setting replaces what an earlier one brought."""
    path = setting.path
    # A source of higher precedence makes good whatever was wrong below, but the problem below stays reported.
    loaded.broken.discard(path)
    if setting.choices and isinstance(value, str):
        value = value.lower()
    try:
        converted = msgspec.convert(value, setting.type, strict=strict)
    except msgspec.ValidationError as error:
        values.pop(path, None)
        loaded.broken.add(path)
        what = "no such choice" if setting.choices and isinstance(value, str) else _type_problem(str(error))
        loaded.problems.append(Problem(path, value, what, f"write {setting.write}", loaded.origin(path)))
        return
    if setting.is_list:
        converted = (converted,) if isinstance(converted, str) else converted
        if len(converted) > MAX_ITEMS:
            values.pop(path, None)
            loaded.broken.add(path)
            what = f"{len(converted)} items are too many"
            loaded.problems.append(Problem(path, None, what, f"write at most {MAX_ITEMS}", loaded.origin(path)))
            return
    values[path] = converted


def _type_problem(message: str) -> str:
    """msgspec's "Expected `int`, got `str` - at `$[0]`" in the words of a configuration file."""

    def words(match: re.Match[str]) -> str:
        return " or ".join(_TYPE_WORDS.get(name, name) for name in match[1].split(" | "))

    what = re.sub(r"`([^`]*)`", words, message.partition(" - at ")[0])
    return what[:1].lower() + what[1:]
