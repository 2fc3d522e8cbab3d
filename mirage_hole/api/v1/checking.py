"""Checks plain values against a struct, field by field: every fault is found, not the first one alone, each with its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, structs

from mirage_hole.api.problems import Fault, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from msgspec.structs import FieldInfo

MAX_FAULTS: Final = 20
"""As many problems are told at once."""
MAX_NUMBER: Final = 10**18 - 1
"""Of whole numbers; fits into 64 bits wherever they are kept."""
_MANY: Final = (list, tuple, set, frozenset)
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_DECIMAL: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_WORDS: Final = {
    "int": "a whole number", "str": "a text", "float": "a number", "bool": "true or false", "array": "a list",
    "object": "an object", "null": "null", "int | null": "a whole number or null", "str | null": "a text or null",
    "float | null": "a number or null", "bool | null": "true, false or null", "array | null": "a list or null",
    "object | null": "an object or null",
}  # fmt: skip
_PLACE: Final = re.compile(r" - at `\$(.*)`$")

Check = Callable[[str], "tuple[str, str] | None"]
"""What is wrong with a text, and what to write instead."""


@lru_cache(maxsize=1024)
def fields_of(kind: type) -> dict[str, FieldInfo]:
    """The fields of a struct by the names that they have in JSON."""
    return {field.encode_name: field for field in structs.fields(kind)}


def whole(
    kind: type | None, known: Mapping[str, FieldInfo], values: dict[str, Any], faults: list[Fault], *, strict: bool
) -> Any:
    """The struct that these values make; None when there is none.

    Args:
        kind: the struct.
        known: its fields, as :func:`fields_of` has them.
        values: by field.
        faults: those that were found already; told together with what is found here.
        strict: as JSON; else numbers and flags are written as text, as in a query.

    Raises:
        Refusal: 400 with every fault.
    """
    if kind is None:
        tell(faults)
        return None
    written = "parameter" if not strict else "field"
    _check_fields(kind, known, values, "", faults, strict=strict, written=written)
    tell(faults)
    try:
        return msgspec.convert(values, kind, strict=strict)
    except msgspec.ValidationError as problem:  # what no field alone shows
        faults.append(_fault(problem, "", written))
    tell(faults)
    return None


def tell(faults: list[Fault]) -> None:
    """Refuse the request if there are any.

    Raises:
        Refusal: 400 with every fault.
    """
    if faults:
        some = faults[:MAX_FAULTS]
        detail = "; ".join(f"{fault.where}: {fault.what}; write {fault.instead}" for fault in some[:10])
        raise Refusal(400, detail, some)


def is_many(kind: Any) -> bool:
    """Whether values of this type are lists."""
    return any(get_origin(one) in _MANY or one in _MANY for one in _options(kind))


def shown(text: str) -> str:
    """Cut, where it is long."""
    return text if len(text) <= 80 else text[:79] + "…"


def _check_fields(
    kind: type,
    known: Mapping[str, FieldInfo],
    values: Mapping[str, Any],
    place: str,
    faults: list[Fault],
    *,
    strict: bool,
    written: str,
) -> None:
    for name, field in known.items():
        if name in values:
            _check(field.type, values[name], f"{place}{name}", faults, strict=strict, written=written)
        elif field.default is NODEFAULT and field.default_factory is NODEFAULT and not _told(faults, f"{place}{name}"):
            faults.append(Fault(f"{place}{name}", "is missing", _example(name, field.type)))
    if strict and kind.__struct_config__.forbid_unknown_fields:  # type: ignore[attr-defined]
        for name in values:
            if name not in known:
                instead = f"one of {', '.join(known)}" if known else "no field"
                faults.append(Fault(f"{place}{shown(name)}", "is no field here", instead))


def _check(kind: Any, value: Any, place: str, faults: list[Fault], *, strict: bool, written: str) -> None:
    """Look into structs and lists of them one by one, so that more than the first fault is seen."""
    if len(faults) >= MAX_FAULTS:
        return
    inner = _struct_in(kind)
    if inner is not None and isinstance(value, dict):
        before = len(faults)
        _check_fields(inner, fields_of(inner), value, f"{place}.", faults, strict=strict, written=written)
        if len(faults) > before:
            return
    many = _item_in(kind)
    if many is not None and isinstance(value, list):
        before = len(faults)
        for number, one in enumerate(value):
            _check(many, one, f"{place}[{number}]", faults, strict=strict, written=written)
        if len(faults) > before:
            return
    if not strict and isinstance(value, str) and (wrong := _misread(kind, value)):
        faults.append(Fault(place, *wrong))
        return
    try:
        found = msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as problem:
        faults.append(_fault(problem, place, written, kind, value))
        return
    if isinstance(found, str) and found:
        faults += [Fault(place, *wrong) for check in _checks(kind) if (wrong := check(found)) is not None]


def _misread(kind: Any, text: str) -> tuple[str, str] | None:
    """What msgspec would take in a parameter though nobody means it: 1e3 for a whole number, null for nothing."""
    options = _options(kind)
    if str in options or any(get_origin(one) is Literal for one in options):
        return None
    if int in options and not _NUMBER.fullmatch(text):
        return f"{shown(text)!r} is no whole number", "a whole number such as 10"
    if float in options and not _DECIMAL.fullmatch(text):
        return f"{shown(text)!r} is no number", "a number such as 1.5"
    return None


def _checks(kind: Any) -> list[Check]:
    """What ``Meta(extra={"check": ...})`` asks for: see values.py; and the end of what has a pattern."""
    found: list[Check] = []
    if get_origin(kind) in {Union, UnionType}:
        for one in get_args(kind):
            found += _checks(one)
    while get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        for one in more:
            if isinstance(one, msgspec.Meta) and one.extra and "check" in one.extra:
                found.append(one.extra["check"])
            if isinstance(one, msgspec.Meta) and (one.pattern or "").endswith("$"):
                found.append(_check_end)
    return found


def _check_end(text: str) -> tuple[str, str] | None:
    """In Python ``$`` is also in front of a line feed at the end; in OpenAPI's patterns it is not."""
    return (f"{shown(text)!r} ends with a new line", "it without") if text.endswith("\n") else None


def _fault(problem: msgspec.ValidationError, place: str, written: str, kind: Any = None, value: Any = None) -> Fault:
    message = str(problem)
    found = _PLACE.search(message)
    if found is not None:
        message, place = message[: found.start()], f"{place}{found[1]}".removeprefix(".")
    for word, plain in _WORDS.items():
        message = message.replace(f"`{word}`", plain)
    message = message.replace("`", "")
    if message.startswith("Expected "):
        wanted, _, got = message.removeprefix("Expected ").partition(", got ")
        what = f"is {got}" if got else f"is {_brief(value)}"
        return Fault(place or _whole_of(written), what, wanted)
    literals = [str(one) for option in _options(kind) if get_origin(option) is Literal for one in get_args(option)]
    instead = f"one of {', '.join(literals)}" if literals else "what /api/docs says of it"
    return Fault(place or _whole_of(written), (message[:1].lower() + message[1:])[:300], instead)


def _whole_of(written: str) -> str:
    return "body" if written == "field" else "query"


def _brief(value: object) -> str:
    if isinstance(value, str):
        return f"{shown(value)!r}" if len(value) <= 80 else f"{len(value)} characters"
    if isinstance(value, list | dict):
        return f"{len(value)} of them"
    return repr(value)[:80]


def _told(faults: list[Fault], place: str) -> bool:
    return any(fault.where == place for fault in faults)


def _bare(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind


def _options(kind: Any) -> list[Any]:
    kind = _bare(kind)
    if get_origin(kind) in {Union, UnionType}:
        return [_bare(one) for one in get_args(kind) if one is not type(None)]
    return [kind]


def _struct_in(kind: Any) -> type | None:
    options = _options(kind)
    one = options[0] if len(options) == 1 else None
    return one if isinstance(one, type) and issubclass(one, msgspec.Struct) else None


def _item_in(kind: Any) -> Any:
    options = _options(kind)
    arguments = get_args(options[0]) if len(options) == 1 and get_origin(options[0]) in _MANY else ()
    return arguments[0] if arguments and (len(arguments) == 1 or arguments[1] is Ellipsis) else None


def _example(name: str, kind: Any) -> str:
    while get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        for one in more:
            if isinstance(one, msgspec.Meta) and one.examples:
                return f"{name}={one.examples[0]}" if isinstance(one.examples[0], str) else f"{name}: {one.examples[0]}"
    return f"a value for {name}"
