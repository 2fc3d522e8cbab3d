from __future__ import annotations

import pytest

from config.machine import problems, reading, settled, warnings
from mirage_hole.config.settled import PRIVATE_NETWORKS


def texts(endpoints):
    return [str(endpoint) for endpoint in endpoints]


class TestListen:
    def test_addresses_without_a_port_get_the_port_setting(self, tmp_path):
        flags = {"server.listen": ("127.0.0.1", "[::1]:5454"), "server.port": "5353"}
        assert texts(settled(tmp_path, flags).listen) == ["127.0.0.1:5353", "[::1]:5454"]

    def test_a_machine_without_ipv6_listens_on_ipv4_by_default(self, tmp_path):
        assert texts(settled(tmp_path, has_ipv6=False).listen) == ["0.0.0.0:53"]
        assert texts(settled(tmp_path, {"server.listen": ("::",)}, has_ipv6=False).listen) == ["[::]:53"]

    def test_an_address_is_taken_once(self, tmp_path):
        assert texts(settled(tmp_path, {"server.listen": ("127.0.0.1", "127.0.0.1:53")}).listen) == ["127.0.0.1:53"]

    def test_an_address_that_a_wildcard_covers_is_left_out_with_a_warning(self, tmp_path):
        flags = {"server.listen": ("127.0.0.1", "0.0.0.0", "::1", "127.0.0.1:5353")}
        assert texts(settled(tmp_path, flags).listen) == ["0.0.0.0:53", "[::1]:53", "127.0.0.1:5353"]
        (found,) = warnings(tmp_path, flags)
        assert "0.0.0.0:53 covers it already" in found

    def test_an_empty_list_is_refused(self, tmp_path):
        found = problems(tmp_path, toml="[server]\nlisten = []")
        assert found == [
            "server.listen = [] (DIR/config.toml:2): nowhere to listen; write an address such as 0.0.0.0, or leave it out"
        ]

    def test_too_many_addresses_are_refused(self, tmp_path):
        (found,) = problems(tmp_path, {"server.listen": tuple(f"127.0.1.{number}" for number in range(65))})
        assert "65 addresses are too many" in found

    def test_a_link_local_address_needs_its_interface(self, tmp_path):
        assert texts(settled(tmp_path, {"server.listen": ("fe80::1%eth0",)}).listen) == ["[fe80::1%eth0]:53"]
        (found,) = problems(tmp_path, {"server.listen": ("fe80::1",)})
        assert "write it, such as [fe80::1%eth0]:53" in found

    def test_a_problem_in_a_list_names_the_line_of_its_item(self, tmp_path):
        (found,) = problems(tmp_path, toml="[server]\nlisten = [\n'127.0.0.1',\n'localhost']")
        assert found.startswith("server.listen = 'localhost' (DIR/config.toml:4)")


class TestUpstreams:
    def test_the_systems_resolvers_are_the_default(self, tmp_path):
        result = reading(tmp_path, resolv_conf="nameserver 192.168.1.1\nnameserver 2620:fe::fe\n")
        assert texts(result.settled.upstreams) == ["192.168.1.1:53", "[2620:fe::fe]:53"]
        assert str(result.loaded.origin("upstream.servers")) == f"default, {tmp_path}/resolv.conf"

    @pytest.mark.parametrize("own", ["127.0.0.1", "127.0.0.53", "127.9.9.9", "::1", "192.168.1.2", "fd00::2"])
    def test_this_server_itself_is_left_out_of_them(self, tmp_path, own):
        text = f"nameserver {own}\nnameserver 9.9.9.9\n"
        assert texts(settled(tmp_path, resolv_conf=text).upstreams) == ["9.9.9.9:53"]

    @pytest.mark.parametrize("own", ["127.0.0.1", "::1", "192.168.1.2", "fd00::2"])
    def test_another_server_on_this_machine_is_no_other_name_for_us(self, tmp_path, own):
        text = f"nameserver {own}\n"
        assert len(settled(tmp_path, {"server.port": "5353"}, resolv_conf=text).upstreams) == 1
        assert len(settled(tmp_path, {"server.listen": ("127.0.0.99",)}, resolv_conf=text).upstreams) == 1

    @pytest.mark.parametrize(
        ("listen", "upstream"),
        [
            (("0.0.0.0",), "127.0.0.1"),
            (("0.0.0.0",), "192.168.1.2:53"),
            (("::",), "[::1]:53"),
            (("::",), "fd00::2"),
            (("127.0.0.1:5353",), "127.0.0.1:5353"),
            (("0.0.0.0:5353",), "::ffff:127.0.0.1"),
            (("fe80::1%eth0",), "fe80::1%eth0"),
        ],
    )
    def test_this_server_itself_is_a_problem_when_written(self, tmp_path, listen, upstream):
        if upstream == "::ffff:127.0.0.1":
            listen = ("0.0.0.0",)
        (found,) = problems(tmp_path, {"server.listen": listen, "upstream.servers": (upstream, "9.9.9.9")})
        assert "this server itself" in found
        assert "such as 9.9.9.9" in found

    @pytest.mark.parametrize(
        ("listen", "upstream"),
        [
            (("0.0.0.0",), "127.0.0.1:5353"),
            (("127.0.0.1",), "127.0.0.2"),
            (("0.0.0.0",), "::1"),
            (("::",), "127.0.0.1"),
            (("0.0.0.0",), "192.168.1.1"),
        ],
    )
    def test_another_socket_is_not_this_server(self, tmp_path, listen, upstream):
        assert len(settled(tmp_path, {"server.listen": listen, "upstream.servers": (upstream,)}).upstreams) == 1

    def test_when_the_system_names_only_us_the_advice_is_a_flag_to_write(self, tmp_path):
        assert problems(tmp_path, resolv_conf="nameserver 127.0.0.1\n") == [
            "upstream.servers: DIR/resolv.conf names only this server, so there is nobody to ask; "
            "write one, for example --upstream 9.9.9.9"
        ]

    def test_when_the_system_names_nobody_the_advice_is_the_same(self, tmp_path):
        (found,) = problems(tmp_path, resolv_conf="# nothing\n")
        assert "resolv.conf names no resolver" in found
        assert "--upstream 9.9.9.9" in found

    def test_the_stub_of_systemd_resolved_is_not_asked(self, tmp_path):
        (tmp_path / "resolved.conf").write_text("nameserver 192.168.1.1\n")
        result = reading(tmp_path, {"server.port": "5353"}, resolv_conf="nameserver 127.0.0.53\n")
        assert texts(result.settled.upstreams) == ["192.168.1.1:53"]
        assert "resolved.conf" in str(result.loaded.origin("upstream.servers"))

    def test_dockers_resolver_is_not_us_in_a_container(self, tmp_path):
        text = "nameserver 127.0.0.11\n"
        assert texts(settled(tmp_path, resolv_conf=text, in_docker=True).upstreams) == ["127.0.0.11:53"]
        assert len(problems(tmp_path, resolv_conf=text)) == 1

    def test_a_bad_address_is_one_problem_and_hides_no_other(self, tmp_path):
        found = problems(tmp_path, {"upstream.servers": ("9.9.9.300", "0.0.0.0", "fe80::1")}, resolv_conf="")
        assert len(found) == 3
        assert "no resolver has this address" in found[2]

    @pytest.mark.parametrize("address", ["0.0.0.0", "::", "224.0.0.1", "ff02::fb", "255.255.255.255"])
    def test_an_address_that_no_single_machine_has_is_no_resolver(self, tmp_path, address):
        (found,) = problems(tmp_path, {"upstream.servers": (address,)}, resolv_conf="")
        assert "no resolver has this address" in found

    def test_an_unreadable_setting_does_not_bring_the_default_into_play(self, tmp_path):
        assert len(problems(tmp_path, toml="[upstream]\nservers = 9", resolv_conf="")) == 1

    def test_too_many_are_refused(self, tmp_path):
        (found,) = problems(tmp_path, {"upstream.servers": tuple(f"192.0.2.{number}" for number in range(33))})
        assert "33 resolvers are too many" in found


class TestWeb:
    @pytest.mark.parametrize("text", ["off", "OFF", " off "])
    def test_off_means_none(self, tmp_path, text):
        assert settled(tmp_path, {"web.listen": text}).web is None

    @pytest.mark.parametrize("text", ["127.0.0.1:9000", "[::1]:9000", "127.1.2.3:9000"])
    def test_loopback_needs_no_permission(self, tmp_path, text):
        assert str(settled(tmp_path, {"web.listen": text}).web) == text

    def test_a_port_may_be_left_out(self, tmp_path):
        assert str(settled(tmp_path, {"web.listen": "127.0.0.1"}).web) == "127.0.0.1:8080"

    @pytest.mark.parametrize("text", ["0.0.0.0:9000", "[::]:9000", "192.168.1.2:9000", "[fe80::1%eth0]:9000"])
    def test_another_address_needs_its_owners_word_when_some_need_no_login(self, tmp_path, text):
        assert settled(tmp_path, {"web.listen": text}).web.port == 9000
        assert settled(tmp_path, {"web.listen": text, "web.open_for": ("127.0.0.1", "::1")}).web.port == 9000
        for network in ("private", "192.168.0.0/16", "0.0.0.0/0"):
            opened = {"web.listen": text, "web.open_for": ("127.0.0.1", network)}
            (found,) = problems(tmp_path, opened)
            assert "web.open_for lets visitors see every query without a login" in found
            assert (
                "write 127.0.0.1:9000, leave out web.open_for, or write web.anywhere = true (--web-anywhere)" in found
            )
            assert settled(tmp_path, opened | {"web.anywhere": True}).web.port == 9000

    @pytest.mark.parametrize(
        ("listen", "web"),
        [("0.0.0.0", "127.0.0.1:53"), ("127.0.0.1:8080", "127.0.0.1:8080"), ("127.0.0.1", "0.0.0.0:53")],
    )
    def test_the_port_must_not_be_that_of_dns(self, tmp_path, listen, web):
        (found,) = problems(tmp_path, {"server.listen": (listen,), "web.listen": web, "web.anywhere": True})
        assert "DNS is answered on" in found

    def test_the_same_port_of_another_family_or_address_is_free(self, tmp_path):
        assert problems(tmp_path, {"server.listen": ("::",), "web.listen": "127.0.0.1:53"}) == []
        assert problems(tmp_path, {"server.listen": ("127.0.0.2",), "web.listen": "127.0.0.1:53"}) == []

    def test_a_host_name_is_refused_with_the_address(self, tmp_path):
        (found,) = problems(tmp_path, {"web.listen": "localhost:8080"})
        assert "write 127.0.0.1:8080 or [::1]:8080" in found


class TestAllowFrom:
    def test_private_may_be_combined_with_more(self, tmp_path):
        flags = {"server.allow_from": ("private", "203.0.113.0/24", "10.0.0.0/8")}
        assert settled(tmp_path, flags).allow_from == (*PRIVATE_NETWORKS, "203.0.113.0/24")
        assert warnings(tmp_path, flags) == []

    @pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0", "128.0.0.0/1", "2000::/3"])
    def test_everybody_is_a_warning_of_an_open_resolver(self, tmp_path, network):
        (found,) = warnings(tmp_path, {"server.allow_from": ("private", network)})
        assert f"server.allow_from = '{network}' (--allow-from): an open resolver" in found

    def test_on_loopback_nobody_is_a_stranger(self, tmp_path):
        assert warnings(tmp_path, {"server.allow_from": ("0.0.0.0/0",), "server.listen": ("127.0.0.1", "::1")}) == []

    def test_nobody_is_refused(self, tmp_path):
        (found,) = problems(tmp_path, toml="[server]\nallow_from = []")
        assert "nobody would be answered; write private" in found

    def test_bits_behind_the_prefix_are_refused(self, tmp_path):
        (found,) = problems(tmp_path, {"server.allow_from": ("192.168.1.5/24",)})
        assert "write 192.168.1.0/24 or 192.168.1.5" in found
