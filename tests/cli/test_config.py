from __future__ import annotations

import json
import tomllib

from mirage_hole.api.self_signed import own_pair


def test_check_says_that_all_is_well(mirage_hole, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text("[server]\nport = 5353\n")
    ran = mirage_hole("config", "check", "--config", str(config), "--workers", "2")
    assert ran == (0, f"correct: {config}, 2 settings written, the others at their defaults\n", "")
    assert mirage_hole("config", "check").out.startswith("correct: no configuration file, 0 settings")


def test_check_reports_every_problem_and_warning(mirage_hole, tmp_path, monkeypatch):
    monkeypatch.setenv("MIRAGE_HOLE_PROT", "1")
    config = tmp_path / "c.toml"
    config.write_text("[server]\nport = 0\nprot = 1\n[lists]\nblock = [\n'starter',\n'oisd-smal',\n'ftp://x/y']\n")
    ran = mirage_hole("config", "check", "--config", str(config))
    assert ran.code == 78
    lines = ran.err.splitlines()
    assert lines[0].startswith("warning: MIRAGE_HOLE_PROT")
    assert lines[1] == "the configuration has 4 problems:"
    assert (
        f"lists.block = 'oisd-smal' ({config}:7): is neither in the catalogue nor a file; write oisd-small" in ran.err
    )
    assert f"lists.block = 'ftp://x/y' ({config}:8): not a URL that can be downloaded" in ran.err


def test_check_looks_into_the_certificate(mirage_hole, tmp_path):
    own_pair(tmp_path, ["localhost"])
    pair = tmp_path / "web-certificate.pem"
    config = tmp_path / "c.toml"
    config.write_text(f"[web]\ncertificate = '{pair}'\n")
    assert mirage_hole("config", "check", "--config", str(config)).code == 0
    pair.chmod(0o644)
    ran = mirage_hole("config", "check", "--config", str(config))
    assert ran.code == 0
    assert f"can be read or changed by others on this machine; chmod 640 {pair}" in ran.err
    pair.write_text("nothing")
    ran = mirage_hole("config", "check", "--config", str(config))
    assert ran.code == 78
    assert (
        f"web.certificate = '{pair}' ({config}:2): there is no certificate in it; write a file with -----BEGIN"
        in ran.err
    )
    assert "web.key = " in ran.err


def test_check_warns_of_a_list_that_is_not_there(mirage_hole, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text("[lists]\nblock = ['starter', './there.txt', './gone.txt']\n")
    (tmp_path / "there.txt").write_text("ads.example\n")
    ran = mirage_hole("config", "check", "--config", str(config))
    assert ran.code == 0
    gone = tmp_path / "gone.txt"
    assert ran.err == (f"warning: lists.block ({config}:2): there is no file {gone}; create it, or correct the path\n")


def test_a_list_can_not_be_both_blocked_and_allowed(mirage_hole):
    ran = mirage_hole("config", "check", "--blocklist", "oisd-small", "--allowlist", "oisd-small")
    assert ran.code == 78
    assert "lists.allow = 'oisd-small' (--allowlist): is a block list" in ran.err


def test_check_reads_the_tables_of_lists_too(mirage_hole, tmp_path):
    config = tmp_path / "c.toml"
    config.write_text(
        "[lists]\nallow = ['./a.txt']\n[[list]]\nurl = 'oisd-smal'\n[[list]]\nkind = 'block'\nurl = './a.txt'\n"
    )
    ran = mirage_hole("config", "check", "--config", str(config))
    assert ran.code == 78
    assert (
        f"list[0].url = 'oisd-smal' ({config}:4): is neither in the catalogue nor a file; write oisd-small" in ran.err
    )
    assert "the same list is in" in ran.err
    config.write_text("[[list]]\nurl = 'oisd-small'\nrefresh_every = '1h'\n")
    ran = mirage_hole("config", "check", "--config", str(config))
    assert ran == (0, f"correct: {config}, 2 settings written, the others at their defaults\n", "")
    assert '[[list]]\nurl = "oisd-small"' in mirage_hole("config", "show", "--config", str(config)).out


def test_show_prints_a_configuration_that_says_the_same(mirage_hole, tmp_path):
    shown = mirage_hole("config", "show", "--port", "5353", "--blocklist", "oisd-small").out
    assert tomllib.loads(shown)["server"]["port"] == 5353
    path = tmp_path / "shown.toml"
    path.write_text(shown)
    assert mirage_hole("config", "show", "--config", str(path)).out == shown


def test_show_tells_the_origin_of_each_setting(mirage_hole, monkeypatch):
    monkeypatch.setenv("MIRAGE_HOLE_CACHE__SIZE", "1M")
    out = mirage_hole("config", "show", "--origin", "--port", "5353").out
    assert "port = 5353  # --port" in out
    assert 'size = "1MiB"  # MIRAGE_HOLE_CACHE__SIZE' in out
    assert "workers = 1  # default" in out


def test_show_refuses_a_wrong_configuration(mirage_hole):
    ran = mirage_hole("config", "show", "--port", "x")
    assert (ran.code, ran.out) == (78, "")
    assert "mirage-hole: the configuration has a problem:" in ran.err


def test_schema_is_json_that_describes_the_file(mirage_hole):
    schema = json.loads(mirage_hole("config", "schema").out)
    assert schema["$defs"]["Server"]["properties"]["port"]["default"] == 53
