from __future__ import annotations

import pytest

from config.machine import problems, settled
from mirage_hole.runtime.plan import worker_settings

OWN = """
[limits]
queries_per_second = 50
burst = 100
exempt = ["192.168.1.1", "10.0.0.0/8"]
enforce = "127.0.0.2"
answers_per_second = 5
tcp_connections = 200
tcp_connections_per_client = 10
[blocking]
until_loaded = "closed"
"""


def test_limits_arrive_at_the_workers(tmp_path):
    told = worker_settings(settled(tmp_path, toml=OWN))
    assert (told.queries_per_second, told.query_burst, told.answers_per_second) == (50, 100, 5)
    assert told.limit_exempt == ("192.168.1.1/32", "10.0.0.0/8")
    assert told.limit_enforce == ("127.0.0.2/32",)
    assert (told.tcp_connections, told.tcp_connections_per_client) == (200, 10)
    assert told.wait_for_lists


def test_by_default_one_client_may_ask_300_queries_a_second_and_nothing_waits_for_lists(tmp_path):
    told = worker_settings(settled(tmp_path))
    assert (told.queries_per_second, told.query_burst) == (300, 3000)
    assert not told.wait_for_lists


@pytest.mark.parametrize(
    ("written", "where", "what"),
    [
        ("queries_per_second = -1", "limits.queries_per_second", "from 0 to 1000000"),
        ("burst = 299", "limits.burst", "not from 300 to 10000000"),
        ("answers_per_second = 1000001", "limits.answers_per_second", "from 0 to 1000000"),
        ("tcp_connections = 0", "limits.tcp_connections", "from 1 to 30000"),
        ("tcp_connections_per_client = 0", "limits.tcp_connections_per_client", "from 1 to 30000"),
        ('exempt = ["192.168.1.300"]', "limits.exempt", "192.168.1.300"),
        ('enforce = ["everybody"]', "limits.enforce", "everybody"),
    ],
)
def test_what_makes_no_limit_is_told_with_what_to_write(tmp_path, written, where, what):
    (problem,) = problems(tmp_path, toml=f"[limits]\n{written}\n")
    assert where in problem
    assert what in problem
    assert "write" in problem


def test_all_problems_are_told_at_once(tmp_path):
    found = problems(tmp_path, toml='[limits]\nburst = 1\nexempt = ["x"]\ntcp_connections = 0\n')
    assert len(found) == 3


def test_open_and_closed_are_all_there_is(tmp_path):
    (problem,) = problems(tmp_path, toml='[blocking]\nuntil_loaded = "ajar"\n')
    assert "open or closed" in problem
