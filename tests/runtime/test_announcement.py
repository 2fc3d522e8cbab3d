"""What people are told at the start."""

import pytest

from mirage_hole.api.state import GenerationView
from mirage_hole.config.settled import Endpoint
from mirage_hole.runtime.announcement import lists_line, status, summarise


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
