"""Requests made of the served description, good and bad ones: whatever comes, the answer is one that the description promises."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from mirage_hole.api.v1.openapi import openapi
from mirage_hole.api.v1.routes import ALL_ROUTES
from tests.api.realm import SECRET, real_parts, realm

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = 6
"""Of each kind for each route."""
ENDLESS = {"/api/v1/events"}
NOT_HERE = [
    positive_data_acceptance,  # what a domain name or a rule is, no schema says: such values may be refused
    ignored_auth,  # test_walk.py asks every route without, and this check takes our own token for one of its own
    not_a_server_error,  # it knows no 503; the assertion before it does
]
GENTLE = partial(
    settings,
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
ROUTES = [route for route in ALL_ROUTES if route.path not in ENDLESS]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with realm(real_parts(tmp_path_factory.mktemp("realm"))) as address:
        yield address


@pytest.fixture(scope="module")
def schema(url: str) -> Any:
    return schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json")


def test_the_served_description_is_that_of_all_routes(schema: Any) -> None:
    served = {(method.upper(), path) for path, methods in schema.raw_schema["paths"].items() for method in methods}
    assert served == {(route.method, route.path) for route in ALL_ROUTES}
    assert schema.raw_schema["paths"].keys() == openapi(ALL_ROUTES)["paths"].keys()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
@pytest.mark.parametrize("route", ROUTES, ids=[f"{route.method} {route.path}" for route in ROUTES])
def test_every_answer_is_one_that_the_description_promises(schema: Any, url: str, route: Any, mode: Any) -> None:
    operation = schema[route.path][route.method]
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query or operation.path_parameters):
        return

    @GENTLE()
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        response = case.call(base_url=url, headers={"Authorization": SECRET})
        assert response.status_code < 500 or response.status_code in {501, 503, 507}, response.text
        # Too large is a refusal as well (RFC 9110 section 15.5.14), though this check knows it not.
        more = [negative_data_rejection] if response.status_code == 413 else []
        case.validate_response(response, excluded_checks=[*NOT_HERE, *more])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ask()
