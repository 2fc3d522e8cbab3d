from __future__ import annotations

import orjson
import pytest

from mirage_hole.observe.statistics import Statistics
from tests.api.serving import GET_ROUTES, Clock, a_state, get, get_json, report, serving
from tests.observe.frames import NOON, frame, replays, subject


async def test_stats_tell_totals_the_day_the_series_and_the_top() -> None:
    async with serving(a_state()) as url:
        stats = await get_json(f"{url}/api/v1/stats?minutes=5")
    assert stats["totals"] == {
        "queries": 5, "forwarded": 1, "cached": 0, "blocked": 3, "local": 0, "failed": 1, "refused": 0, "malformed": 0, "dropped": 0,
        "stale": 0, "limited": 0, "special": 0, "bogus": 0, "rebind": 0,
    }  # fmt: skip
    assert stats["day"] == {"queries": 5, "blocked": 3}
    assert stats["series"] == {"start": NOON - 240, "step": 60, "queries": [0, 0, 3, 2, 0], "blocked": [0, 0, 3, 0, 0]}
    assert stats["top"]["blocked"] == [{"name": "ads.doubleclick.net", "queries": 3, "uncertainty": 0}]
    assert stats["top"]["clients"][0] == {"client": "192.168.1.20", "queries": 3, "uncertainty": 0, "blocked": 3}
    assert (stats["top"]["client_count"], stats["top"]["client_count_exact"]) == (3, True)
    assert stats["types"] == {"A": 4, "AAAA": 1}
    assert stats["policy"] == {"number": 1, "created": NOON - 100, "names": 850_000}
    assert stats["upstreams"][0]["address"] == "9.9.9.9:53"
    assert stats["workers"][0]["healthy"] is True
    assert (stats["version"], stats["listen"], stats["now"]) == ("1.2.3", ["127.0.0.1:5353"], NOON)


async def test_queries_tell_which_rule_of_which_list_decided() -> None:
    async with serving(a_state()) as url:
        told = await get_json(f"{url}/api/v1/queries?outcome=blocked&limit=1")
    row = told["queries"][0]
    assert (row["name"], row["client"], row["outcome"]) == ("ads.doubleclick.net", "192.168.1.20", "blocked")
    assert (row["list"], row["rule"], row["scope"], row["line"]) == ("Ads", "doubleclick.net", "subtree", 42)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["gone.example", "example.com", *["ads.doubleclick.net"] * 3]),
        ("name=EXAMPLE", ["gone.example", "example.com"]),
        ("client=192.168.1.0/24", ["example.com", *["ads.doubleclick.net"] * 3]),
        ("client=2001:db8::7", ["gone.example"]),
        ("outcome=failed,forwarded", ["gone.example", "example.com"]),
        ("outcome=forwarded&client=192.168.1.20", []),
        ("limit=1", ["gone.example"]),
        ("before=5", ["example.com", *["ads.doubleclick.net"] * 3]),
    ],
)
async def test_queries_can_be_narrowed(query: str, names: list[str]) -> None:
    async with serving(a_state()) as url:
        told = await get_json(f"{url}/api/v1/queries?{query}")
    assert [row["name"] for row in told["queries"]] == names


async def test_paging_with_before_visits_every_query_once_though_new_ones_arrive() -> None:
    state = a_state()
    seen: list[int] = []
    before = None
    async with serving(state) as url:
        while True:
            page = await get_json(f"{url}/api/v1/queries?limit=2" + (f"&before={before}" if before else ""))
            seen += [row["number"] for row in page["queries"]]
            before = page["before"]
            if before is None:
                break
            state.statistics.fold_frame(frame(replays(NOON, [("192.0.2.1", subject("new.example"))])), NOON)
    assert seen == [5, 4, 3, 2, 1]


async def test_a_query_tells_its_upstream_and_how_long_it_took() -> None:
    async with serving(a_state()) as url:
        row = (await get_json(f"{url}/api/v1/queries?name=example.com"))["queries"][0]
    assert (row["upstream"], row["duration_ms"], row["transport"], row["type"]) == ("9.9.9.9:53", 21.3, "udp", "A")


async def test_lists_tell_their_state_and_how_often_they_decided() -> None:
    async with serving(a_state()) as url:
        told = await get_json(f"{url}/api/v1/lists")
    good, broken = told["lists"]
    assert (good["title"], good["state"], good["rules"], good["complaints"], good["decided"]) == (
        "Ads",
        "live",
        900,
        3,
        3,
    )
    assert (broken["state"], broken["error"], broken["last_success"]) == (
        "missing",
        "It answered with an HTML page.",
        None,
    )


async def test_explain_names_every_rule_and_the_one_that_decides_or_says_that_there_is_none() -> None:
    async with serving(a_state()) as url:
        blocked = await get_json(f"{url}/api/v1/explain?name=ADS.example.")
        allowed = await get_json(f"{url}/api/v1/explain?name=www.example")
        free = await get_json(f"{url}/api/v1/explain?name=free.org")
    assert (blocked["name"], blocked["verdict"]) == ("ads.example", "block")
    assert blocked["rules"] == [
        {
            "decides": True, "action": "block", "list": "list 0", "source": "0.txt", "rule": "||example^", "scope": "subtree",
            "line": 7, "step": "any other rule of a blocklist", "why": "the only rule that applies",
        }
    ]  # fmt: skip
    assert allowed["verdict"] == "allow"
    assert [(rule["decides"], rule["action"], rule["line"]) for rule in allowed["rules"]] == [
        (True, "allow", 9),
        (False, "block", 7),
    ]
    assert (free["verdict"], free["rules"]) == ("none", [])
    assert [(one["list"], one["verdict"], one["changes"]) for one in blocked["without"]] == [("list 0", "none", True)]


async def test_explain_takes_a_type_and_a_client() -> None:
    async with serving(a_state()) as url:
        told = await get_json(f"{url}/api/v1/explain?name=ads.example&type=aaaa&client=192.168.1.7")
        wrong = await get_json(f"{url}/api/v1/explain?name=ads.example&type=nonsense&client=phone", 400)
    assert (told["type"], told["verdict"], told["others"]) == ("AAAA", "block", [])
    assert [(fault["where"], fault["instead"]) for fault in wrong["problems"]] == [
        ("type", "AAAA or TYPE65"),
        ("client", "192.168.1.7 or 2001:db8::7"),
    ]


async def test_explain_without_lists_says_so() -> None:
    for nothing in (None, lambda *_asked: None):
        async with serving(a_state(explain=nothing)) as url:
            problem = await get_json(f"{url}/api/v1/explain?name=a.example", 503)
        assert problem["detail"] == "No lists are loaded yet."


async def test_the_server_is_healthy_while_a_worker_reports() -> None:
    clock = Clock()
    state = a_state(clock=clock)
    async with serving(state) as url:
        assert (await get_json(f"{url}/healthz"))["status"] == "ok"
        clock.now = NOON + 60
        assert (await get_json(f"{url}/healthz", 503))["status"] == "no worker answers queries"
        report(state.statistics, clock.now)
        assert (await get_json(f"{url}/healthz"))["status"] == "ok"


async def test_what_does_not_work_is_told_beside_that_dns_is_answered() -> None:
    """Whoever restarts what is not healthy must not do so for a full disk; whoever looks shall see it."""
    troubles = {"storage": "/state: the disk is full, 0 KiB are free"}
    state = a_state(degraded=lambda: troubles)
    async with serving(state) as url:
        assert (await get_json(f"{url}/healthz"))["degraded"] == troubles
        _, _, body = await get(f"{url}/metrics")
        assert b'mirage_hole_degraded{what="storage"} 1.0' in body
        assert b'mirage_hole_degraded{what="upstreams"} 0.0' in body
        troubles = {}
        assert (await get_json(f"{url}/healthz"))["degraded"] == {}


async def test_upstreams_that_are_all_given_a_rest_are_told() -> None:
    state = a_state()
    upstream = {"address": "9.9.9.9", "port": 53, "sent": 9, "failures": 9, "healthy": False}
    async with serving(state) as url:
        assert (await get_json(f"{url}/healthz"))["degraded"] == {}
        state.statistics.workers.report(0, {"pid": 77, "generation": 1, "datagrams": 6, "upstreams": [upstream]}, NOON)
        told = await get_json(f"{url}/healthz")
        assert told["status"] == "ok"
        assert "no upstream answers" in told["degraded"]["upstreams"]


async def test_queries_that_the_kernel_had_no_room_for_are_told() -> None:
    async with serving(a_state(datagrams_lost=lambda: 7)) as url:
        assert (await get_json(f"{url}/api/v1/stats"))["datagrams_lost"] == 7
        _, _, body = await get(f"{url}/metrics")
    assert b"mirage_hole_datagrams_lost_total 7.0" in body


async def test_an_empty_state_can_be_read_too() -> None:
    state = a_state(statistics=Statistics(), lists=list, generation=lambda: None)
    async with serving(state) as url:
        stats = await get_json(f"{url}/api/v1/stats")
        assert (stats["totals"]["queries"], stats["policy"], stats["top"]["names"]) == (0, None, [])
        assert (await get_json(f"{url}/api/v1/queries")) == {
            "boot": stats["boot"], "logged": False, "queries": [], "before": None, "complete": True,
        }  # fmt: skip
        assert (await get_json(f"{url}/api/v1/lists")) == {"policy": None, "lists": []}
        assert (await get(f"{url}/metrics"))[0] == 200


async def test_metrics_agree_with_the_stats() -> None:
    async with serving(a_state()) as url:
        status, headers, body = await get(f"{url}/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    assert b'mirage_hole_queries_total{outcome="blocked"} 3.0' in body
    assert b"mirage_hole_policy_names 850000.0" in body


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/stats?minutes=0", "/api/v1/stats?top=100000", "/api/v1/queries?limit=0", "/api/v1/queries?limit=1001",
        "/api/v1/queries?before=x", "/api/v1/queries?client=me", "/api/v1/queries?outcome=eaten", "/api/v1/queries?nmae=x",
        "/api/v1/queries?name=" + "x" * 300, "/api/v1/lists?x=1", "/api/v1/explain", "/api/v1/explain?name=a..b",
        "/api/v1/events?last_event_id=nonsense", "/healthz?x",
    ],
)  # fmt: skip
async def test_bad_parameters_are_problems_that_say_what_to_write(path: str) -> None:
    async with serving(a_state()) as url:
        status, headers, body = await get(url + path)
    problem = orjson.loads(body)
    assert (status, problem["status"]) == (400, 400)
    assert headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == "about:blank"
    assert problem["title"] == "Bad Request"
    assert all(fault["where"] and fault["what"] and fault["instead"] for fault in problem["problems"])


async def test_a_page_that_the_browser_has_is_not_sent_again() -> None:
    async with serving(a_state()) as url:
        _, headers, body = await get(f"{url}/icon.svg")
        assert body
        opaque = headers["ETag"].removeprefix("W/")
        for known in (opaque, f'"other", W/{opaque}'):
            status, again, body = await get(f"{url}/icon.svg", headers={"If-None-Match": known})
            assert (status, body, again["ETag"]) == (304, b"", opaque)


async def test_every_route_answers() -> None:
    async with serving(a_state()) as url:
        assert {path: (await get(url + path))[0] for path in GET_ROUTES} == dict.fromkeys(GET_ROUTES, 200)
