from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from mirage_hole.observe.metrics import (
    PREFIX,
    Facts,
    ListFacts,
    MetricsCollector,
    ProcessFacts,
    QueueFacts,
    exposition,
)
from mirage_hole.observe.statistics import Statistics
from mirage_hole.policy.verdict import OWN_LIST, Outcome
from tests.observe.frames import NOON, frame, replays, ruled, single, subject

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
FACTS = Facts(
    "1.2.3", NOON, 42, 1000, [ListFacts("Ads", 900, 3, NOON, True), ListFacts("Broken", 0, 0, None, False)],
    processes=[ProcessFacts("supervisor", 50_000_000, 1.5, 20)],
    queues=[QueueFacts("query log", 4096, 7, 90)],
    stream_listeners=2,
    certificate_ends=NOON,
)  # fmt: skip


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


needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


@needs_promtool
def test_promtool_finds_nothing_to_complain_about() -> None:
    body, _ = exposition(collector(), "text/plain")
    checked = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, check=False, timeout=30)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_questions_of_strangers_add_no_series() -> None:
    statistics = Statistics()

    def series() -> set[tuple[str, ...]]:
        return {
            (sample.name, *sample.labels.values())
            for family in MetricsCollector(statistics, lambda: FACTS).collect()
            for sample in family.samples
        }

    statistics.fold_frame(frame(single(NOON, "192.0.2.1", subject("a.example", qtype=65_000), 0.01)), NOON)
    before = series()
    for number in range(300):
        asked = subject(f"n{number}.example", qtype=30_000 + number)
        statistics.fold_frame(frame(single(NOON, f"192.0.2.{number % 250}", asked, 0.01)), NOON)
    assert series() == before


def exported() -> set[str]:
    return {sample.name for family in collector().collect() for sample in family.samples}


PACKAGING = Path(__file__).parents[2] / "packaging"
DASHBOARD = PACKAGING / "grafana" / "mirage-hole.json"
ALERTS = PACKAGING / "prometheus" / "alerts.yml"


def test_the_dashboard_and_the_alerts_ask_only_for_what_there_is() -> None:
    for path in (DASHBOARD, ALERTS):
        asked = set(re.findall(r"\bmirage_hole_\w+", path.read_text(encoding="utf-8")))
        assert asked
        assert asked <= exported(), path


def test_the_dashboard_is_well_formed() -> None:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert board["schemaVersion"] >= 36
    assert [one["type"] for one in board["templating"]["list"]] == ["datasource"]
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert all(target["expr"] for target in panel["targets"])


def test_the_dashboard_loads_with_grafanas_own_types() -> None:
    models = pytest.importorskip("grafana_foundation_sdk.models.dashboard")
    read = models.Dashboard.from_json(json.loads(DASHBOARD.read_text(encoding="utf-8")))
    assert read.title == "Mirage Hole"
    assert read.panels


@needs_promtool
def test_promtool_takes_the_alerts() -> None:
    checked = subprocess.run(["promtool", "check", "rules", ALERTS], capture_output=True, check=False, timeout=30)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_how_long_queries_waited_is_told_for_each_upstream() -> None:
    told = {key: value for key, value in samples().items() if "upstream_query_duration_seconds_bucket" in key}
    assert all("upstream=9.9.9.9:53" in key for key in told)
    by_bound = {key.partition("le=")[2].partition("}")[0]: value for key, value in told.items()}
    assert (by_bound["0.1"], by_bound["0.25"], by_bound["+Inf"]) == (0, 1, 1)
