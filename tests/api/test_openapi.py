"""The description is valid OpenAPI 3.1, complete, and says of every input how large it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema_rs
import orjson
import pytest
from schemathesis.specs.openapi import definitions

from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.openapi import openapi
from mirage_hole.api.v1.routes import ALL_ROUTES
from tests.api.realm import SECRET, real_parts, realm
from tests.api.serving import a_state, get, serving

if TYPE_CHECKING:
    from pathlib import Path

    from mirage_hole.api.v1.route import Route

DOCUMENT = orjson.loads(orjson.dumps(openapi(ALL_ROUTES)))
PUBLIC = {
    ("GET", "/api/v1/setup"),
    ("POST", "/api/v1/setup"),
    ("POST", "/api/v1/login"),
    ("POST", "/api/v1/login/passkey"),
    ("POST", "/api/v1/login/passkey/begin"),
    ("POST", "/api/v1/logout"),
    ("GET", "/healthz"),
    ("GET", "/api/v1/openapi.json"),
}


def operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][route.path][route.method.lower()]
    return found


def test_it_is_openapi_3_1() -> None:
    assert [str(problem) for problem in definitions.OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)] == []


def test_every_schema_is_json_schema() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def test_every_route_is_there_once_with_a_name_of_its_own() -> None:
    routes = [(route.method, route.path) for route in ALL_ROUTES]
    assert len(routes) == len(set(routes))
    named = [operation(route)["operationId"] for route in ALL_ROUTES]
    assert len(named) == len(set(named))


@pytest.mark.parametrize("route", ALL_ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_says_what_it_is_for_and_who_may(route: Route) -> None:
    told = operation(route)
    assert told["summary"]
    assert told["description"]
    assert told["tags"] == [route.area]
    assert told["x-role"] == route.role.name.lower()
    assert (told["security"] == []) == (route.role is Role.NOBODY)
    assert {"400", "429", "500", "503"} <= set(told["responses"])
    if route.role is not Role.NOBODY:
        assert {"401", "403"} <= set(told["responses"])


def test_exactly_these_answer_to_everybody() -> None:
    assert {(route.method, route.path) for route in ALL_ROUTES if route.role is Role.NOBODY} == PUBLIC


def test_only_get_reads_and_a_get_has_no_body() -> None:
    assert {route.method for route in ALL_ROUTES} <= {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert [route.path for route in ALL_ROUTES if route.method == "GET" and route.body is not None] == []


def unbounded(schema: Any, place: str, seen: frozenset[str] = frozenset()) -> list[str]:
    """Texts and lists in a schema that may be of any length."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return [] if name in seen else unbounded(DOCUMENT["components"]["schemas"][name], place, seen | {name})
    found = []
    kind = schema.get("type")
    if kind == "string" and not {"maxLength", "enum", "format"} & schema.keys():
        found.append(place)
    if kind == "array" and "maxItems" not in schema:
        found.append(place)
    for name, inner in schema.get("properties", {}).items():
        found += unbounded(inner, f"{place}.{name}", seen)
    for inner in (*schema.get("anyOf", []), *([schema["items"]] if isinstance(schema.get("items"), dict) else [])):
        found += unbounded(inner, place, seen)
    return found


@pytest.mark.parametrize("route", ALL_ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_text_and_list_that_comes_in_has_a_maximum(route: Route) -> None:
    told = operation(route)
    inputs = {one["name"]: one["schema"] for one in told["parameters"] if one["in"] != "header"}
    if "requestBody" in told:
        inputs["body"] = told["requestBody"]["content"]["application/json"]["schema"]
    assert [place for name, schema in inputs.items() for place in unbounded(schema, name)] == []


async def test_it_is_served_to_everybody_with_a_tag() -> None:
    async with serving(a_state()) as url:
        status, headers, body = await get(f"{url}/api/v1/openapi.json")
        assert (status, orjson.loads(body)["openapi"]) == (200, "3.1.0")
        again = await get(f"{url}/api/v1/openapi.json", headers={"If-None-Match": headers["ETag"]})
        assert (again[0], again[2]) == (304, b"")
        status, headers, body = await get(f"{url}/api/docs")
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_a_get_changes_nothing_of_the_state(tmp_path: Path) -> None:
    import urllib.error
    import urllib.request

    parts, statuses = real_parts(tmp_path), {}
    assert parts.changes is not None
    with realm(parts) as url:
        before = parts.changes.store.stamp()
        for route in ALL_ROUTES:
            if route.method == "GET" and route.seconds:
                path = route.path.replace("{number}", "1").replace("{name}", "x").replace("{path}", "x")
                request = urllib.request.Request(url + path, headers={"Authorization": SECRET})
                try:
                    with urllib.request.urlopen(request, timeout=30) as answer:
                        statuses[path] = answer.status
                except urllib.error.HTTPError as refused:
                    statuses[path] = refused.code
                    refused.close()
        assert parts.changes.store.stamp() == before
    assert set(statuses.values()) <= {200, 400, 403, 404, 501, 503}, statuses
