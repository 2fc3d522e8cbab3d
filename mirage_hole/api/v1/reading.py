"""Reads what a request says into a route's structs: everything that is wrong is told at once, each with its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT
from msgspec.structs import FieldInfo
from msgspec.structs import fields as fields_of

from mirage_hole.api.problems import Fault, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web
    from multidict import MultiMapping

MAX_DEPTH: Final = 24
"""Objects and lists within each other in a body."""
MAX_FAULTS: Final = 20
"""As many problems are told at once."""
MAX_PARAMETER: Final = 2048
"""Characters."""
MAX_NUMBER: Final = 10**18 - 1
"""Of whole numbers; fits into 64 bits wherever they are kept."""
JSON: Final = "application/json"
_TEXTS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""Also one that does not end; nothing is looked at twice, whatever comes."""
_MANY: Final = (list, tuple, set, frozenset)
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_DECIMAL: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_WORDS: Final = {
    "int": "a whole number", "str": "a text", "float": "a number", "bool": "true or false", "array": "a list",
    "object": "an object", "null": "null", "int | null": "a whole number or null", "str | null": "a text or null",
    "float | null": "a number or null", "bool | null": "true, false or null", "array | null": "a list or null",
    "object | null": "an object or null",
}  # fmt: skip
Check = Callable[[str], "tuple[str, str] | None"]
_PLACE: Final = re.compile(r" - at `\$(.*)`$")


def read_query(query: MultiMapping[str], kind: type | None) -> Any:
    """The parameters as ``kind``; None when that is None, and then every parameter is refused.

    Lists are written with commas. Nothing but the parameters that ``kind`` has is taken, and each once.

    Raises:
        Refusal: 400 with every fault.
    """
    known = _fields(kind) if kind is not None else {}
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for name in dict.fromkeys(query):
        texts = query.getall(name)
        field = known.get(name)
        if field is None:
            instead = f"one of {', '.join(known)}" if known else "no parameters"
            faults.append(Fault(_shown(name), "is no parameter of this resource", instead))
        elif len(texts) > 1:
            faults.append(Fault(name, f"is given {len(texts)} times", "it once"))
        elif len(texts[0]) > MAX_PARAMETER:
            what = f"{len(texts[0])} characters are too many"
            faults.append(Fault(name, what, f"at most {MAX_PARAMETER} characters"))
        else:
            values[name] = _several(texts[0]) if _is_many(field.type) else texts[0]
    return _whole(kind, known, values, faults, strict=False)


async def read_body(request: web.Request, kind: type | None, most: int) -> Any:
    """The JSON body as ``kind``; None when that is None, and then a body is refused.

    Raises:
        Refusal: 400 with every fault; 413: it is larger than ``most`` octets, or not wanted; 415: it is no JSON.
    """
    if kind is None:
        if request.can_read_body:
            raise Refusal(413, "This request has no body here.")
        return None
    if request.content_length is not None and request.content_length > most:
        raise _too_large(most)
    # Another type can be sent by a stranger's page without asking first.
    if request.can_read_body and request.content_type != JSON:
        fault = Fault("Content-Type", f"{request.content_type[:80]!r} is not read here", JSON)
        raise Refusal(415, f"The body has to be JSON: write Content-Type: {JSON}.", [fault])
    if coding := request.headers.get("Content-Encoding", ""):
        fault = Fault("Content-Encoding", f"{coding[:80]!r} is not read here", "the body as it is")
        raise Refusal(415, "A packed body is not read here.", [fault])
    return body_from(await _octets(request, most), kind)


def body_from(octets: bytes, kind: type) -> Any:
    """The struct that JSON text is.

    Raises:
        Refusal: 400 with every fault.
    """
    if not octets:
        octets = b"{}"
    if _depth(octets) > MAX_DEPTH:
        fault = Fault("body", f"has more than {MAX_DEPTH} objects and lists within each other", "a flatter one")
        raise Refusal(400, "The body is nested too deeply.", [fault])
    try:
        value = msgspec.json.decode(octets)
        _check_numbers(value)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as problem:
        fault = Fault("body", f"can't be read as JSON: {str(problem)[:200]}", 'an object such as {"name": "value"}')
        raise Refusal(400, "The body can't be read as JSON.", [fault]) from None
    if not isinstance(value, dict):
        fault = Fault("body", f"is no object but {_kind_of(value)}", 'an object such as {"name": "value"}')
        raise Refusal(400, "The body is no JSON object.", [fault])
    faults: list[Fault] = []
    return _whole(kind, _fields(kind), value, faults, strict=True)


@lru_cache(maxsize=1024)
def _fields(kind: type) -> dict[str, FieldInfo]:
    return {field.encode_name: field for field in fields_of(kind)}


def _several(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []


def _whole(
    kind: type | None, known: Mapping[str, FieldInfo], values: dict[str, Any], faults: list[Fault], *, strict: bool
) -> Any:
    if kind is None:
        _tell(faults)
        return None
    written = "parameter" if not strict else "field"
    _check_fields(kind, known, values, "", faults, strict=strict, written=written)
    _tell(faults)
    try:
        return msgspec.convert(values, kind, strict=strict)
    except msgspec.ValidationError as problem:  # what no field alone shows
        faults.append(_fault(problem, "", written))
    _tell(faults)
    return None


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
                faults.append(Fault(f"{place}{_shown(name)}", "is no field here", instead))


def _check(kind: Any, value: Any, place: str, faults: list[Fault], *, strict: bool, written: str) -> None:
    """Look into structs and lists of them one by one, so that more than the first fault is seen."""
    if len(faults) >= MAX_FAULTS:
        return
    inner = _struct_in(kind)
    if inner is not None and isinstance(value, dict):
        before = len(faults)
        _check_fields(inner, _fields(inner), value, f"{place}.", faults, strict=strict, written=written)
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
        return f"{_shown(text)!r} is no whole number", "a whole number such as 10"
    if float in options and not _DECIMAL.fullmatch(text):
        return f"{_shown(text)!r} is no number", "a number such as 1.5"
    return None


def _checks(kind: Any) -> list[Check]:
    """What ``Meta(extra={"check": ...})`` asks for: see :mod:`mirage_hole.api.v1.values`."""
    found: list[Check] = []
    if get_origin(kind) in {Union, UnionType}:
        for one in get_args(kind):
            found += _checks(one)
    while get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        found += [
            one.extra["check"] for one in more if isinstance(one, msgspec.Meta) and one.extra and "check" in one.extra
        ]
    return found


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
        return f"{_shown(value)!r}" if len(value) <= 80 else f"{len(value)} characters"
    if isinstance(value, list | dict):
        return f"{len(value)} of them"
    return repr(value)[:80]


def _tell(faults: list[Fault]) -> None:
    if faults:
        some = faults[:MAX_FAULTS]
        detail = "; ".join(f"{fault.where}: {fault.what}; write {fault.instead}" for fault in some[:10])
        raise Refusal(400, detail, some)


def _told(faults: list[Fault], place: str) -> bool:
    return any(fault.where == place for fault in faults)


async def _octets(request: web.Request, most: int) -> bytes:
    """Read no more than is allowed, whatever a client says of the length."""
    data = bytearray()
    async for chunk in request.content.iter_any():
        data += chunk
        if len(data) > most:
            raise _too_large(most)
    return bytes(data)


def _too_large(most: int) -> Refusal:
    fault = Fault("body", f"is larger than {most} octets", "less, or several requests")
    return Refusal(413, f"The body is larger than {most} octets, the most that is read here.", [fault])


def _check_numbers(value: object) -> None:
    """No whole number is larger than databases and other programs hold."""
    if isinstance(value, dict):
        for one in value.values():
            _check_numbers(one)
    elif isinstance(value, list):
        for one in value:
            _check_numbers(one)
    elif isinstance(value, int) and abs(value) > MAX_NUMBER:
        message = f"a number has more than {len(str(MAX_NUMBER))} digits"
        raise msgspec.ValidationError(message)


def _depth(octets: bytes) -> int:
    if octets.count(b"[") + octets.count(b"{") <= MAX_DEPTH:
        return 0
    deepest = depth = 0
    for letter in re.findall(rb"[\[\]{}]", _TEXTS.sub(b"", octets)):
        if letter in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


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


def _is_many(kind: Any) -> bool:
    return any(get_origin(one) in _MANY or one in _MANY for one in _options(kind))


def _example(name: str, kind: Any) -> str:
    while get_origin(kind) is Annotated:
        kind, *more = get_args(kind)
        for one in more:
            if isinstance(one, msgspec.Meta) and one.examples:
                return f"{name}={one.examples[0]}" if isinstance(one.examples[0], str) else f"{name}: {one.examples[0]}"
    return f"a value for {name}"


def _shown(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def _kind_of(value: object) -> str:
    return {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")
