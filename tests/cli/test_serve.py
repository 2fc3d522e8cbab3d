from __future__ import annotations

import sys

import pytest

from mirage_hole.config.settled import Endpoint
from mirage_hole.runtime.errors import StartupError


def test_the_bare_program_serves(mirage_hole, served):
    assert mirage_hole().code == 0
    assert served[0][0].listen == (Endpoint("0.0.0.0", 53), Endpoint("::", 53))


def test_serve_is_the_same_as_no_command(mirage_hole, served):
    flags = ("--port", "5353", "--blocklist", "/a", "--blocklist", "https://example.org/b", "--web", "off")
    mirage_hole(*flags)
    mirage_hole("serve", *flags)
    mirage_hole(*flags, "serve")
    mirage_hole("--port", "1", *flags[2:], "serve", "--port", "5353")
    assert len(served) == 4
    assert [one[0] for one in served] == [served[0][0]] * 4
    assert served[0][0].blocklists == ("/a", "https://example.org/b")
    assert served[0][0].web is None


def test_every_flag_arrives(mirage_hole, served, tmp_path):
    ran = mirage_hole(
        *("--listen", "127.0.0.1", "--listen", "[::1]:5354", "--port", "5353", "--workers", "2", "--user", "me"),
        *("--allow-from", "10.0.0.0/8", "--state", str(tmp_path), "--web", "0.0.0.0:8081", "--web-anywhere"),
        *("--blocklist", "starter", "--allowlist", "/allow", "--refresh-every", "12h", "--upstream", "9.9.9.9"),
        *("--upstream", "1.1.1.1:5353", "--timeout", "3s", "--cache-size", "1M", "--block-mode", "ip"),
        *("--block-ipv4", "192.0.2.1", "--block-ipv6", "2001:db8::1", "--block-ttl", "30", "--log-level", "debug"),
        *("--log-format", "json"),
    )
    assert ran == (0, "", "")
    ((settled, *_),) = served
    assert [str(one) for one in settled.listen] == ["127.0.0.1:5353", "[::1]:5354"]
    assert [str(one) for one in settled.upstreams] == ["9.9.9.9:53", "1.1.1.1:5353"]
    assert (settled.workers, settled.allow_from, settled.state_directory) == (2, ("10.0.0.0/8",), tmp_path)
    assert (str(settled.web), settled.web_anywhere) == ("0.0.0.0:8081", True)
    assert (settled.blocklists, settled.allowlists, settled.refresh_every) == (("starter",), ("/allow",), 43200.0)
    assert (settled.timeout, settled.cache_bytes) == (3.0, 2**20)
    assert (settled.block_mode, settled.block_ipv4, settled.block_ipv6) == ("ip", "192.0.2.1", "2001:db8::1")
    assert (settled.block_ttl, settled.log_level, settled.log_format) == (30, "DEBUG", "json")


def test_wrong_settings_are_told_all_at_once_and_nothing_starts(mirage_hole, served, monkeypatch):
    monkeypatch.setenv("MIRAGE_HOLE_TIMEOUT", "never")
    ran = mirage_hole("--port", "0", "--upstream", "localhost", "--blocklist", "starte", "--blocklist", "")
    assert ran.code == 78
    assert ran.out == ""
    lines = ran.err.splitlines()
    assert lines[0] == "mirage-hole: the configuration has 5 problems:"
    assert [line.split(" = ")[0].strip() for line in lines[1:]] == [
        "server.port",
        "lists.block",
        "upstream.servers",
        "upstream.timeout",
        "lists.block",
    ]
    assert "write starter" in ran.err
    assert served == []


def test_warnings_do_not_keep_it_from_serving(mirage_hole, served, monkeypatch):
    monkeypatch.setenv("MIRAGE_HOLE_PROT", "53")
    ran = mirage_hole()
    assert ran.code == 0
    assert ran.err == "mirage-hole: warning: MIRAGE_HOLE_PROT: no such variable; write MIRAGE_HOLE_PORT\n"
    assert len(served) == 1


def test_what_the_supervisor_refuses_is_printed_and_its_exit_code_kept(mirage_hole, served, monkeypatch):
    def refuse(*_):
        message = "port 53 is refused\n  give it to Python"
        raise StartupError(message, 77)

    monkeypatch.setattr(sys.modules["mirage_hole.runtime.supervisor"], "serve", refuse)
    assert mirage_hole() == (77, "", "mirage-hole: port 53 is refused\n  give it to Python\n")


def test_the_supervisors_exit_code_is_the_programs(mirage_hole, served, monkeypatch):
    monkeypatch.setattr(sys.modules["mirage_hole.runtime.supervisor"], "serve", lambda *_: 1)
    assert mirage_hole("serve").code == 1


def test_the_supervisor_can_have_the_settings_read_again(mirage_hole, served, tmp_path, caplog):
    config = tmp_path / "c.toml"
    config.write_text("[upstream]\ntimeout = 3\n")
    mirage_hole("--config", str(config), "--port", "5353")
    ((settled, reload, _),) = served
    config.write_text("[upstream]\ntimeout = 4\n[blocking]\nipv4 = '192.0.2.1'\n")
    again = reload()
    assert (settled.timeout, again.timeout) == (3.0, 4.0)
    assert again.listen == settled.listen
    assert "has no effect in mode null" in caplog.text
    config.write_text("[upstream]\ntimeout = 0\n")
    with pytest.raises(StartupError, match="less than 100ms"):
        reload()


def test_a_relative_configuration_file_is_found_again_from_anywhere(mirage_hole, served, tmp_path, monkeypatch):
    (tmp_path / "c.toml").write_text("[upstream]\ntimeout = 3\n")
    monkeypatch.chdir(tmp_path)
    mirage_hole("--config", "c.toml")
    ((settled, *_),) = served
    assert settled.config_file == tmp_path / "c.toml"
