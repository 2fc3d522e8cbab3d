from __future__ import annotations

import re
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from mirage_hole.observe.metrics import PREFIX, Facts, ListFacts, MetricsCollector, exposition
from mirage_hole.observe.statistics import Statistics
from mirage_hole.policy.verdict import OWN_LIST, Outcome
from tests.observe.frames import NOON, frame, replays, ruled, single, subject

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
FACTS = Facts("1.2.3", NOON, 42, 1000, [ListFacts("Ads", 900, 3, NOON, True), ListFacts("Broken", 0, 0, None, False)])


def collector() -> MetricsCollector:
    statistics = Statistics()
    statistics.register_generation(1, ["Ads"])
    statistics.fold_frame(
        frame(
            replays(NOON, [("192.0.2.1", ruled("ads.example", "example"))] * 3),
            single(NOON, "192.0.2.2", ruled("ok.example", "ok.example", outcome=Outcome.FORWARDED), 0.03),
            single(
                NOON, "192.0.2.2", ruled("nas.example", "nas.example", outcome=Outcome.LOCAL, list_id=OWN_LIST), 0.01
            ),
            single(NOON, "192.0.2.2", subject("b.example", upstream=0), 0.2),
        ),
        NOON,
    )
    upstream = {
        "address": "9.9.9.9", "port": 53, "sent": 2, "answered": 2, "rtt_ms": 12.5, "deviation_ms": 2.5, "healthy": True,
        "responses": {"NOERROR": 1, "REFUSED": 3, "FORGED": 7},
    }  # fmt: skip
    statistics.workers.report(0, {"pid": 1, "datagrams": 5, "in_flight": 1, "upstreams": [upstream]}, NOON)
    return MetricsCollector(statistics, lambda: FACTS)


def samples() -> dict[str, float]:
    body, _ = exposition(collector(), "")
    return {
        sample.name + "".join(f"{{{key}={value}}}" for key, value in sample.labels.items()): sample.value
        for family in parse_text(body.decode())
        for sample in family.samples
    }


def test_counts_arrive_in_the_exposition() -> None:
    told = samples()
    assert told["mirage_hole_queries_total{outcome=blocked}"] == 3
    assert told["mirage_hole_queries_total{outcome=malformed}"] == 0
    assert told["mirage_hole_list_blocked_total{list=Ads}"] == 3
    assert told["mirage_hole_list_allowed_total{list=Ads}"] == 1
    assert told["mirage_hole_list_rewritten_total{list=your own rules}"] == 1
    assert told["mirage_hole_query_duration_seconds_bucket{le=0.05}"] == 5
    assert told["mirage_hole_query_duration_seconds_count"] == 6
    assert told["mirage_hole_datagrams_total"] == 5
    assert told["mirage_hole_in_flight"] == 1
    assert told["mirage_hole_upstream_rtt_seconds{upstream=9.9.9.9:53}"] == 0.0125
    assert told["mirage_hole_upstream_rtt_deviation_seconds{upstream=9.9.9.9:53}"] == 0.0025
    assert told["mirage_hole_upstream_loops{upstream=9.9.9.9:53}"] == 0
    assert told["mirage_hole_upstream_responses_total{rcode=REFUSED}{upstream=9.9.9.9:53}"] == 3
    assert not any("FORGED" in name for name in told)
    assert told["mirage_hole_build_info{version=1.2.3}"] == 1
    assert told["mirage_hole_policy_names"] == 1000
    assert told["mirage_hole_list_healthy{list=Broken}"] == 0
    assert "mirage_hole_list_updated_timestamp_seconds{list=Broken}" not in told


def test_openmetrics_is_spoken_to_who_asks_for_it() -> None:
    body, content_type = exposition(collector(), "application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert {family.name for family in parse_openmetrics(body.decode())} >= {
        "mirage_hole_queries",
        "mirage_hole_workers",
    }
    assert exposition(collector(), "text/plain")[1].startswith("text/plain")


def test_every_metric_and_label_is_documented_and_no_other() -> None:
    told = {}
    for family in collector().collect():
        name = family.name + "_total" if family.type == "counter" else family.name
        told[name] = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert family.documentation.endswith("."), family.name
    documented = {}
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if row := re.match(rf"\| `({PREFIX}\w+)` \| (\w+) \| (.*?) \| \S", line):
            documented[row[1]] = set(re.findall(r"`(\w+)`", row[3]))
    assert documented == told


def test_two_lists_of_one_title_are_one_label() -> None:
    facts = FACTS._replace(lists=[ListFacts("Ads", 1, 0, NOON, True), ListFacts("Ads", 2, 0, NOON, True)])
    body, _ = exposition(MetricsCollector(Statistics(), lambda: facts), "")
    assert body.decode().count('mirage_hole_list_rules{list="Ads"}') == 1
