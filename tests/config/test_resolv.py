from __future__ import annotations

from mirage_hole.config.resolv import MAX_SERVERS, system_resolvers
from mirage_hole.config.settled import Endpoint


def resolvers(tmp_path, text, behind=None):
    (tmp_path / "resolv.conf").write_bytes(text.encode() if isinstance(text, str) else text)
    if behind is not None:
        (tmp_path / "resolved.conf").write_text(behind)
    servers, file = system_resolvers(tmp_path / "resolv.conf", tmp_path / "resolved.conf")
    return [str(server) for server in servers], file.name


def test_nameserver_lines_are_read_in_order_each_once(tmp_path):
    text = "# nameserver 1.1.1.1\nsearch lan\nnameserver 9.9.9.9 # x\n  nameserver\t2620:fe::fe\nnameserver 9.9.9.9\noptions edns0\n"
    assert resolvers(tmp_path, text) == (["9.9.9.9:53", "[2620:fe::fe]:53"], "resolv.conf")


def test_a_line_that_is_no_address_is_passed_over(tmp_path):
    text = "nameserver\nnameserver dns.example\nnameserver fe80::1%eth0\nnameservers 1.1.1.1\n"
    assert resolvers(tmp_path, text)[0] == ["[fe80::1%eth0]:53"]


def test_the_stub_of_systemd_resolved_gives_way_to_what_it_asks_itself(tmp_path):
    assert resolvers(tmp_path, "nameserver 127.0.0.53\n", "nameserver 192.168.1.1\n") == (
        ["192.168.1.1:53"],
        "resolved.conf",
    )


def test_the_stub_stays_when_nothing_is_known_behind_it(tmp_path):
    assert resolvers(tmp_path, "nameserver 127.0.0.53\n") == (["127.0.0.53:53"], "resolv.conf")
    assert resolvers(tmp_path, "nameserver 127.0.0.53\n", "# nothing\n") == (["127.0.0.53:53"], "resolv.conf")


def test_a_missing_or_binary_file_names_nobody(tmp_path):
    assert system_resolvers(tmp_path / "none", tmp_path / "none2")[0] == ()
    assert resolvers(tmp_path, b"\xff\xfe\0nameserver 9.9.9.9") == ([], "resolv.conf")


def test_no_more_resolvers_are_taken_than_anyone_has(tmp_path):
    text = "".join(f"nameserver 192.0.2.{number}\n" for number in range(1, 50))
    assert len(resolvers(tmp_path, text)[0]) == MAX_SERVERS
    assert Endpoint("192.0.2.1", 53) in system_resolvers(tmp_path / "resolv.conf", tmp_path / "x")[0]
