"""Reads what a request says, bounded: parameters and a JSON body become a route's structs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1.checking import MAX_NUMBER, fields_of, is_many, shown, whole

if TYPE_CHECKING:
    from aiohttp import web
    from multidict import MultiMapping

MAX_DEPTH: Final = 24
"""Objects and lists within each other in a body."""
MAX_PARAMETER: Final = 2048
"""Characters."""
JSON: Final = "application/json"
_TEXTS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""Also one that does not end; nothing is looked at twice, whatever comes."""


def read_query(query: MultiMapping[str], kind: type | None) -> Any:
    """The parameters as ``kind``; None when that is None, and then every parameter is refused.

    Lists are written with commas. Nothing but the parameters that ``kind`` has is taken, and each once.

    Raises:
        Refusal: 400 with every fault.
    """
    known = fields_of(kind) if kind is not None else {}
    faults: list[Fault] = []
    values: dict[str, Any] = {}
    for name in dict.fromkeys(query):
        texts = query.getall(name)
        field = known.get(name)
        if field is None:
            instead = f"one of {', '.join(known)}" if known else "no parameters"
            faults.append(Fault(shown(name), "is no parameter of this resource", instead))
        elif len(texts) > 1:
            faults.append(Fault(name, f"is given {len(texts)} times", "it once"))
        elif len(texts[0]) > MAX_PARAMETER:
            what = f"{len(texts[0])} characters are too many"
            faults.append(Fault(name, what, f"at most {MAX_PARAMETER} characters"))
        else:
            values[name] = _several(texts[0]) if is_many(field.type) else texts[0]
    return whole(kind, known, values, faults, strict=False)


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
    return whole(kind, fields_of(kind), value, faults, strict=True)


def _several(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []


async def _octets(request: web.Request, most: int) -> bytes:
    """Read no more than is allowed, whatever a client says of the length."""
    data = bytearray()
    try:
        async for chunk in request.content.iter_any():
            data += chunk
            if len(data) > most:
                raise _too_large(most)
    except ConnectionError:  # nobody reads the answer, but the visitor's leaving is no error of ours
        raise Refusal(400, "The body did not come whole.") from None
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


def _kind_of(value: object) -> str:
    return {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")
