from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.upstream.routes import DEFAULT, Routes
from mirage_hole.wire.names import from_text, labels_of

LABELS = st.sampled_from(["a", "b", "corp", "example", "10", "in-addr", "arpa"])
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
NAMES = st.lists(LABELS, max_size=6).map(lambda labels: ".".join(labels) or ".")


def routed(routes: Routes, name: str) -> int:
    wire = from_text(name)
    return routes.of(wire, labels_of(wire))


def conditional(routes: Routes, name: str) -> bool:
    wire = from_text(name)
    return routes.is_conditional(wire, labels_of(wire))


@given(st.dictionaries(DOMAINS, st.integers(1, 50), max_size=6), NAMES)
def test_the_longest_domain_that_a_name_is_in_decides(by_domain: dict[str, int], name: str) -> None:
    routes = Routes({from_text(domain): number for domain, number in by_domain.items()})
    above = [domain for domain in by_domain if f".{name}".endswith(f".{domain}")]
    expected = by_domain[max(above, key=lambda domain: domain.count("."))] if above else DEFAULT
    assert routed(routes, name) == expected
    assert conditional(routes, name) == bool(above)


def test_no_route_is_false_and_leads_to_the_default_group() -> None:
    assert not Routes()
    assert routed(Routes(), "www.example") == DEFAULT
    assert not conditional(Routes(), "www.example")


def test_names_of_one_label_have_a_route_of_their_own_which_a_domain_beats() -> None:
    routes = Routes({from_text("lan"): 2}, unqualified=1)
    assert [routed(routes, name) for name in ("printer", "lan", "a.lan", "a.b", ".")] == [1, 2, 2, 0, 0]
    assert conditional(routes, "printer")
    assert not conditional(routes, ".")
    assert Routes(unqualified=1)


def test_a_route_for_the_root_is_for_the_rest_and_makes_nothing_conditional() -> None:
    routes = Routes({from_text("."): 3, from_text("corp.example"): 1})
    assert [routed(routes, name) for name in (".", "www.example", "x.corp.example")] == [3, 3, 1]
    assert not conditional(routes, "www.example")
    assert conditional(routes, "corp.example")
