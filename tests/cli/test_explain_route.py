"""What ``mirage-hole explain`` says of upstreams: route, group, strategy and fallback."""

from __future__ import annotations

import pytest

from mirage_hole.cli.explain_route import whom
from mirage_hole.config.settled import Endpoint, GroupSettings, RouteSettings
from mirage_hole.wire.names import from_text
from tests.runtime.settings import a_settled

USUAL = (Endpoint("9.9.9.9", 53),)
OFFICE = GroupSettings("office", (Endpoint("10.0.0.1", 53), Endpoint("10.0.0.2", 53)), "strict", fallback="default")
ROUTES = (
    RouteSettings(("corp.example", "10.in-addr.arpa"), group="office"),
    RouteSettings(("lab.corp.example",), servers=(Endpoint("fd00::1", 5353),)),
    RouteSettings(("unqualified",), group="office"),
)
IN_OFFICE = "group office: 10.0.0.1:53, 10.0.0.2:53 (strict), else group default: 9.9.9.9:53"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("www.example.org", "9.9.9.9:53"),
        ("corp.example", f"{IN_OFFICE}; the route for corp.example"),
        ("www.corp.example", f"{IN_OFFICE}; the route for corp.example"),
        ("notcorp.example", "9.9.9.9:53"),
        ("x.lab.corp.example", "[fd00::1]:5353; the route for lab.corp.example"),
        ("1.0.0.10.in-addr.arpa", f"{IN_OFFICE}; the route for 10.in-addr.arpa"),
        ("printer", f"{IN_OFFICE}; the route for unqualified names"),
        (".", "9.9.9.9:53"),
    ],
)
def test_route_group_strategy_and_fallback_are_told(tmp_path, name, said):
    settled = a_settled(tmp_path, upstreams=USUAL, groups=(OFFICE,), routes=ROUTES)
    assert whom(settled, from_text(name)) == said


def test_a_route_for_everything_is_told_and_unqualified_names_have_their_own(tmp_path):
    settled = a_settled(
        tmp_path,
        upstreams=USUAL,
        groups=(OFFICE,),
        routes=(
            RouteSettings((".",), servers=(Endpoint("192.0.2.9", 53),)),
            RouteSettings(("unqualified",), group="office"),
        ),
    )
    assert whom(settled, from_text("www.example")) == "192.0.2.9:53; the route for ."
    assert whom(settled, from_text("printer")) == f"{IN_OFFICE}; the route for unqualified names"


def test_of_many_upstreams_four_are_named(tmp_path):
    many = tuple(Endpoint(f"192.0.2.{number}", 53) for number in range(1, 8))
    said = whom(a_settled(tmp_path, upstreams=many, upstream_strategy="parallel"), from_text("www.example"))
    assert said == "192.0.2.1:53, 192.0.2.2:53, 192.0.2.3:53, 192.0.2.4:53 and 3 more (parallel)"
