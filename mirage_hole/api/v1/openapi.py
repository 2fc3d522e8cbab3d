"""The OpenAPI 3.1 document, made of the routes and their structs: nothing in it is written twice.

https://spec.openapis.org/oas/v3.1.0; schemas are JSON Schema 2020-12.
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import NODEFAULT
from msgspec.structs import fields

from mirage_hole import __version__
from mirage_hole.api.access.csrf import HEADER
from mirage_hole.api.access.secrets import SESSION_COOKIE
from mirage_hole.api.v1.checking import MAX_NUMBER
from mirage_hole.api.v1.identity import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mirage_hole.api.v1.route import Route

Json = dict[str, Any]

ALWAYS: Final = (400, 408, 421, 429, 500, 503)
"""Problems that every route can answer with."""
TITLES: Final = {
    400: "Something in the request is wrong; `problems` says what, where, and what to write instead.",
    401: "Nobody is logged in, or the token does not count.",
    403: "Whoever asks may not do this, or another site's page asked for it.",
    404: "There is no such thing.",
    405: "The path does not know this method; `Allow` lists those that it knows.",
    408: "The request did not come in time.",
    409: "It does not fit with what is there.",
    410: "It is over.",
    412: "It was changed since it was read (`If-Match`).",
    413: "The body is too large, or none is wanted.",
    415: "The body is no JSON.",
    421: "The header `Host` names another server.",
    422: "It was understood, and can't be done.",
    429: "Too many requests; `Retry-After` says how long to wait.",
    500: "A bug; the log has the details.",
    502: "Another server did not do what was asked of it.",
    503: "This part is not there, busy, or took too long; `Retry-After` says when to try again.",
    504: "Another server did not answer in time.",
    507: "The disk takes no more; nothing was changed.",
}
_VARIABLE: Final = re.compile(r"\{(\w+)\}")
_REFERENCE: Final = "#/components/schemas/{name}"
PROBLEM: Final[Json] = {
    "type": "object",
    "title": "Problem",
    "description": "What is wrong (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "where": {"type": "string", "description": "The parameter, field or header."},
                    "what": {"type": "string", "description": "What is wrong with it."},
                    "instead": {"type": "string", "description": "What to write."},
                },
                "required": ["where", "what", "instead"],
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
}


def openapi(routes: Iterable[Route]) -> Json:
    """The document of these routes."""
    routes = tuple(routes)
    kinds = _kinds(routes)
    shapes, components = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    schema_of = dict(zip(kinds, shapes, strict=True))
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of)
    areas = sorted({route.area for route in routes})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mirage Hole",
            "version": __version__,
            "description": "Everything that the command line and the dashboard do. docs/api.md tells how to begin.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": area} for area in areas],
        "paths": paths,
        "components": {
            "schemas": {**_plain(components), "Problem": PROBLEM},
            "responses": {f"Problem{status}": _problem(status) for status in sorted({*TITLES, *_others(routes)})},
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": SESSION_COOKIE,
                    "description": f"A login. A change also needs the header {HEADER}, which the login tells.",
                },
                "token": {"type": "http", "scheme": "bearer", "description": "An API token."},
            },
        },
    }


def _kinds(routes: Sequence[Route]) -> list[type]:
    found: dict[type, None] = {}
    for route in routes:
        for kind in (route.body, route.answer, *(kind for _, kind in route.others)):
            if kind is not None:
                found[kind] = None
    return list(found)


def _others(routes: Sequence[Route]) -> set[int]:
    return {status for route in routes for status in route.problems}


def _operation(route: Route, schema_of: dict[type, Json]) -> Json:
    told = inspect.getdoc(route.handler) or ""
    name = route.handler.__name__
    operation: Json = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}_{name}",
        "summary": route.summary,
        "description": told,
        "tags": [route.area],
        "x-role": route.role.name.lower(),
        "security": [] if route.role is Role.NOBODY else [{"session": []}, {"token": []}],
        "parameters": [*_variables(route), *_parameters(route), *_conditions(route)],
        "responses": _responses(route, schema_of),
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": _is_needed(route.body),
            "content": {"application/json": {"schema": schema_of[route.body]}},
        }
    return operation


def _variables(route: Route) -> list[Json]:
    found = []
    for name in _VARIABLE.findall(route.path):
        # As dispatch takes them: a number, or any text that can be shown.
        number = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
        schema = number if name == "number" else {"type": "string", "minLength": 1, "maxLength": 1024}
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    return found


def _parameters(route: Route) -> list[Json]:
    if route.query is None:
        return []
    schema = msgspec.json.schema(route.query, ref_template=_REFERENCE)
    known = schema["$defs"]
    properties = known[schema["$ref"].rpartition("/")[2]]["properties"]
    found = []
    for field in fields(route.query):
        shape = _inlined(_plain(properties[field.encode_name]), known)
        told = shape.pop("description", "")
        one: Json = {
            "name": field.encode_name,
            "in": "query",
            "required": field.default is NODEFAULT and field.default_factory is NODEFAULT,
            "schema": _without_null(shape),
        }
        if told:
            one["description"] = told
        if one["schema"].get("type") == "array":
            one |= {"style": "form", "explode": False}
        found.append(one)
    return found


def _conditions(route: Route) -> list[Json]:
    if route.method == "GET" and route.answer is not None:
        told = "The tags of answers that are known already: 304 when it is still one of them."
        return [{"name": "If-None-Match", "in": "header", "schema": {"type": "string"}, "description": told}]
    return []


def _responses(route: Route, schema_of: dict[type, Json]) -> Json:
    found: Json = {}
    good: Json = {"description": "Done." if route.method != "GET" else "What was asked for."}
    if route.status != 204:
        good["content"] = {media.strip(): _content(route, media, schema_of) for media in route.media.split(",")}
    found[str(route.status)] = good
    if route.method == "GET" and route.answer is not None:
        good["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "The tag of this answer."}}
        found["304"] = {"description": "It is what `If-None-Match` says."}
    statuses = {*ALWAYS, *route.problems}
    statuses |= {401, 403} if route.role is not Role.NOBODY or route.method != "GET" else set()
    statuses |= {404} if "{" in route.path else set()
    statuses |= {413, 415} if route.body is not None else {413}
    statuses |= {412} if route.method != "GET" else set()
    for status in sorted(statuses):
        found[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    for status, kind in route.others:
        there: Json = _problem(status) if str(status) in found else {"description": "Another answer.", "content": {}}
        there["content"] = {**there["content"], "application/json": {"schema": schema_of[kind]}}
        found[str(status)] = there
    return found


def _content(route: Route, media: str, schema_of: dict[type, Json]) -> Json:
    if route.answer is not None:
        return {"schema": schema_of[route.answer]}
    return {} if media.strip().endswith("json") else {"schema": {"type": "string"}}


def _problem(status: int) -> Json:
    schema = {"schema": {"$ref": _REFERENCE.format(name="Problem")}}
    content: Json = {"application/problem+json": schema}
    return {"description": TITLES.get(status, "A problem."), "content": content}


def _is_needed(kind: type) -> bool:
    return any(field.required for field in fields(kind))


def _plain(schema: Any) -> Any:
    """Without what only reading.py understands, and with the bounds that it has for every number."""
    if isinstance(schema, dict):
        plain = {key: _plain(value) for key, value in schema.items() if not callable(value)}
        if plain.get("type") == "integer" and not {"minimum", "maximum"} & plain.keys():
            plain |= {"minimum": -MAX_NUMBER, "maximum": MAX_NUMBER}
        return plain
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    return schema


def _inlined(schema: Any, known: Json) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(known[schema["$ref"].rpartition("/")[2]], known)
        return {key: _inlined(value, known) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_inlined(one, known) for one in schema]
    return schema


def _without_null(schema: Json) -> Json:
    """A parameter that is not there is not written, so null is none of its values."""
    options = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if rest.get("default", 0) is None:
        del rest["default"]
    if len(options) == 1:
        return {**options[0], **rest}
    return {**rest, "anyOf": options} if options else rest


if __name__ == "__main__":
    import sys

    import orjson

    from mirage_hole.api.v1.routes import ALL_ROUTES

    sys.stdout.buffer.write(orjson.dumps(openapi(ALL_ROUTES), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
