"""What people are told at the start."""

import pytest

from mirage_hole.api.state import GenerationView
from mirage_hole.config.settled import Endpoint
from mirage_hole.runtime.announcement import lists_line, status, summarise, tell


@pytest.mark.parametrize(
    ("listen", "command"),
    [
        ([Endpoint("0.0.0.0", 53), Endpoint("::", 53)], "dig @127.0.0.1 doubleclick.net"),
        ([Endpoint("::", 5353), Endpoint("0.0.0.0", 5353)], "dig @127.0.0.1 -p 5353 doubleclick.net"),
        ([Endpoint("::1", 5353)], "dig @::1 -p 5353 doubleclick.net"),
        ([Endpoint("::", 53)], "dig @::1 doubleclick.net"),
        ([Endpoint("192.0.2.1", 53), Endpoint("127.0.0.1", 53)], "dig @127.0.0.1 doubleclick.net"),
        ([Endpoint("fe80::1%eth0", 53)], "dig @fe80::1%eth0 doubleclick.net"),
    ],
)
def test_the_command_to_try_reaches_the_server(listen, command):
    assert summarise(listen, "", None, []).example == command


def test_the_number_of_names_is_readable():
    assert lists_line(GenerationView(42, 0.0, 1_234_567), 3) == "1,234,567 names from 3 lists (generation 42)"
    assert lists_line(GenerationView(1, 0.0, 456), 1) == "456 names from 1 list (generation 1)"
    assert "nothing is blocked" in lists_line(None, 0)


def test_many_addresses_stay_one_line():
    listen = [Endpoint(f"192.0.2.{number}", 53) for number in range(20)]
    assert "192.0.2.5:53 and 14 more; lists: none compiled yet" in status(listen, None, 0)


def test_how_the_first_user_is_made_is_told_while_there_is_none(caplog):
    caplog.set_level("INFO", "mirage_hole")
    summary = summarise([], "http://127.0.0.1:8080", None, [], setup="SECRET")
    tell(summary, "text")
    assert (
        "users  none yet: http://127.0.0.1:8080/#setup=SECRET makes the first, or mirage-hole user add NAME"
        in caplog.text
    )
    assert summarise([], "", None, [], setup="SECRET").users == "mirage-hole user add NAME"


def test_the_address_of_a_server_that_listens_everywhere_can_be_visited():
    for url in ("http://0.0.0.0:8080", "http://[::]:8080"):
        assert summarise([], url, None, [], setup="S", addresses=["192.168.1.2"]).users.startswith("http://192.168.1.2:8080/#setup=S ")  # fmt: skip
        assert summarise([], url, None, [], setup="S", addresses=["fd00::2"]).users.startswith(
            "http://[fd00::2]:8080/#"
        )
    assert summarise([], "http://0.0.0.0:1", None, [], setup="S").users.startswith("http://0.0.0.0:1/#")


@pytest.mark.parametrize("style", ["text", "json"])
def test_once_there_is_a_user_nothing_is_told_of_a_setup(caplog, style):
    caplog.set_level("INFO", "mirage_hole")
    tell(summarise([], "http://127.0.0.1:8080", None, []), style)
    assert "users" not in caplog.text
    assert not hasattr(caplog.records[-1], "users")
