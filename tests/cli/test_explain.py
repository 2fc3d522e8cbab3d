from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest

from mirage_hole.lists.rule import Action, Rewrite, RichRule, Rule, Scope, Target
from mirage_hole.lists.stored import encode_rich
from mirage_hole.local.assembly import assemble
from mirage_hole.local.stored import encode
from mirage_hole.policy.build import Builder
from mirage_hole.policy.verdict import OWN_LIST
from mirage_hole.runtime.generation import (
    CHECKSUMS,
    LINES,
    MANIFEST,
    MORE,
    NAMES,
    OWN_RULES,
    SETS,
    checksums,
    directory_name,
)
from mirage_hole.runtime.local_data import LOCAL
from mirage_hole.wire.names import from_text
from tests.local.data import a_record


def compiled(state: Path, number: int = 7) -> None:
    """A generation of two lists, as the compiler writes it."""
    builder = Builder()
    block = [
        Rule(from_text("ads.example"), Action.BLOCK, Scope.SUBTREE, 3),
        Rule(from_text("x.ads.example"), Action.BLOCK, Scope.EXACT, 5),
        Rule(from_text("fine.example"), Action.BLOCK, Scope.EXACT, 6),
    ]
    allow = [Rule(from_text("fine.example"), Action.ALLOW, Scope.EXACT, 9)]
    counts = [builder.add_list(block), builder.add_list(allow)]
    built = builder.build()
    about = [("My ads", "starter", "block"), ("Exceptions", "/lists/allow.txt", "allow")]
    lists = [
        {
            "title": title,
            "source": source,
            "kind": kind,
            "format": "adblock",
            "rules": rules,
            "complaints": 0,
            "sha256": "",
        }
        for (title, source, kind), rules in zip(about, counts, strict=True)
    ]
    directory = state / "generations" / directory_name(number)
    directory.mkdir(parents=True)
    (directory / MANIFEST).write_text(json.dumps(built.manifest(number, 0, lists)))
    built.names.save(str(directory / NAMES))
    for file, content in ((SETS, built.sets), (LINES, built.lines), (MORE, built.more)):
        (directory / file).write_bytes(content)
    (directory / CHECKSUMS).write_bytes(checksums(directory))


@pytest.fixture
def state(tmp_path):
    compiled(tmp_path / "state")
    (tmp_path / "home/.config/mirage-hole").mkdir(parents=True)
    config = tmp_path / "home/.config/mirage-hole/config.toml"
    config.write_text(f"[server]\nstate_directory = '{tmp_path}/state'\n[lists]\nallow = '/lists/allow.txt'\n")
    return tmp_path / "state"


def test_a_blocked_name_is_explained_with_list_line_rule_and_answer(mirage_hole, state):
    ran = mirage_hole("explain", "WWW.ads.example.")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "www.ads.example A: blocked",
        "1. who may ask: everybody in server.allow_from: 127.0.0.0/8, 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and 5 more",
        "2. what is served: A is",
        "3. local data and names of special use: the name is none",
        "4. your own rules and the lists: blocked",
        "   > ||ads.example^  in My ads (starter) line 3: the only rule that applies",
        "     without My ads: no rule applies",
        "5. cache and upstreams: not asked",
        "6. what the answer leads through: not looked at: a rule about the name has decided",
        "answer: A 0.0.0.0, AAAA ::, NODATA for any other type, TTL 10 s",
    ]


def test_every_rule_that_applies_is_told(mirage_hole, state):
    out = mirage_hole("explain", "x.ads.example").out
    assert "> x.ads.example  in My ads (starter) line 5" in out
    assert "  ||ads.example^  in My ads (starter) line 3" in out


def test_an_allowed_name_names_the_exception(mirage_hole, state):
    out = mirage_hole("explain", "fine.example").out
    assert "fine.example A: allowed" in out
    assert "in Exceptions (/lists/allow.txt) line 9: any rule of an allowlist; that goes before" in out
    assert "answer: what the upstream says" in out


def test_a_name_without_rules_is_said_to_have_none(mirage_hole, state):
    assert "example.org A: no rule" in mirage_hole("explain", "example.org").out


def test_json_says_the_same(mirage_hole, state):
    found = json.loads(mirage_hole("explain", "x.ads.example", "--json", "--client", "192.168.1.9").out)
    assert found["verdict"] == "block"
    assert found["generation"] == 7
    assert found["answer"].startswith("A 0.0.0.0")
    assert found["client"] == {"address": "192.168.1.9", "answered": True, "names": [], "tags": []}
    assert (found["type"], [stage["stage"] for stage in found["stages"]][3]) == ("A", "your own rules and the lists")
    assert [(rule["decides"], rule["rule"], rule["line"], rule["scope"]) for rule in found["rules"]] == [
        (True, "x.ads.example", 5, "exact"),
        (False, "||ads.example^", 3, "subtree"),
    ]


def test_a_stranger_is_said_to_get_no_answer(mirage_hole, state):
    assert "note" not in mirage_hole("explain", "ads.example", "--client", "192.168.1.9").out
    ran = mirage_hole("explain", "ads.example", "--client", "203.0.113.7")
    assert "1. who may ask: 203.0.113.7 is outside server.allow_from: no answer over UDP, REFUSED over TCP" in ran.out
    assert "answer: none over UDP, REFUSED over TCP" in ran.out
    found = json.loads(mirage_hole("explain", "ads.example", "--client", "2001:db8::7", "--json").out)
    assert found["client"]["answered"] is False


def test_lists_that_are_not_compiled_as_configured_are_noted(mirage_hole, state, monkeypatch):
    monkeypatch.setenv("MIRAGE_HOLE_BLOCKLIST", "/lists/new.txt")
    out = mirage_hole("explain", "ads.example").out
    assert "note: /lists/new.txt is configured but not compiled yet" in out
    assert "note: starter is no longer configured; it counts until the server reloads" in out


def own(state: Path, *rules: RichRule) -> None:
    (state / OWN_RULES).write_text(json.dumps([[OWN_LIST, *encode_rich(one)] for one in rules]))


def test_your_own_rules_come_first(mirage_hole, state):
    own(state, RichRule("@@ads.example", Action.ALLOW, Target.NAME, "ads.example"))
    out = mirage_hole("explain", "ads.example").out
    assert "> @@ads.example  in your own rules (own): your own exact allow; that goes before any other" in out
    assert "without your own rules: blocked by ||ads.example^ in My ads" in out
    assert "5. cache and upstreams: the cache is asked, then" in out


def test_rules_for_some_types_and_clients_count_for_those(mirage_hole, state, tmp_path):
    config = tmp_path / "home/.config/mirage-hole/config.toml"
    config.write_text(config.read_text() + "[[client]]\nname = 'Kid'\naddresses = '192.168.1.20'\ntags = 'child'\n")
    own(
        state,
        RichRule(
            "||games.example^$client=Kid", Action.BLOCK, Target.NAME, "games.example", Scope.SUBTREE, clients=("Kid",)
        ),
        RichRule("||v6.example^$dnstype=AAAA", Action.BLOCK, Target.NAME, "v6.example", Scope.SUBTREE, types=(28,)),
    )
    assert (
        "- ||games.example^$client=Kid  in your own rules (own): only for Kid"
        in mirage_hole("explain", "games.example").out
    )
    kid = mirage_hole("explain", "games.example", "--client", "192.168.1.20").out
    assert "games.example A from 192.168.1.20: blocked" in kid
    assert "192.168.0.0/16 is in server.allow_from; configured as kid with the tags child" in kid
    assert "v6.example A: no rule" in mirage_hole("explain", "v6.example").out
    assert "v6.example AAAA: blocked" in mirage_hole("explain", "v6.example", "aaaa").out


def test_own_rules_are_explained_though_no_list_was_ever_compiled(mirage_hole, tmp_path):
    state = tmp_path / "none"
    state.mkdir()
    own(
        state,
        RichRule("nas.example", Action.BLOCK, Target.NAME, "nas.example", rewrite=Rewrite(0, 1, bytes((10, 0, 0, 9)))),
    )
    out = mirage_hole("explain", "nas.example", "--state", str(state)).out
    assert "nas.example A: rewritten" in out
    assert "answer: A 10.0.0.9" in out.splitlines()


def test_damaged_own_rules_are_named(mirage_hole, state):
    (state / OWN_RULES).write_text("{")
    ran = mirage_hole("explain", "ads.example")
    assert ran.code == 1
    assert "your own rules can't be read" in ran.err


def test_rules_about_addresses_are_told_to_be_compared_later(mirage_hole, state):
    own(state, RichRule("||192.0.2.1^", Action.BLOCK, Target.ADDRESS, "192.0.2.1/32"))
    out = mirage_hole("explain", "example.org").out
    assert "6. what the answer leads through: judged by the same rules, for the same client and type" in out
    assert "   addresses: compared with 1 rule about addresses; the first that blocks one decides" in out
    assert "answer: what the upstream says, unless a rule blocks what that leads through" in out


def test_what_an_answer_may_lead_to_is_told(mirage_hole, state, tmp_path):
    config = tmp_path / "home/.config/mirage-hole/config.toml"
    config.write_text(
        config.read_text()
        + "[answers]\nrebinding_allow = ['plex.direct']\nblock_types = ['AAAA']\n"
        + "[upstream]\nservers = ['192.0.2.1']\n[[route]]\ndomains = ['corp.example']\nservers = ['10.0.0.1']\n"
    )
    inside = "   private addresses: "
    assert f"{inside}taken away, as the name is from outside" in mirage_hole("explain", "example.org").out
    assert f"{inside}let through, as the name has a route" in mirage_hole("explain", "nas.corp.example").out
    assert f"{inside}let through, as the name is a local one" in mirage_hole("explain", "x.plex.direct").out
    assert "not judged: an exception" in mirage_hole("explain", "fine.example").out
    out = mirage_hole("explain", "example.org", "AAAA").out
    assert "2. what is served: AAAA is switched off: NODATA (answers.block_types)" in out
    assert "answer: NODATA: AAAA is switched off" in out
    assert "answer: A 0.0.0.0" in mirage_hole("explain", "ads.example", "AAAA").out


def test_an_alias_is_said_to_be_asked_for(mirage_hole, state):
    alias = Rewrite(0, 5, from_text("garden.example"))
    own(state, RichRule("www.example", Action.BLOCK, Target.NAME, "www.example", rewrite=alias))
    out = mirage_hole("explain", "www.example", "AAAA").out
    assert "5. cache and upstreams: asked for garden.example AAAA: the cache, then" in out
    assert "answer: CNAME garden.example., and what the upstream says of that name" in out


@pytest.mark.parametrize("qtype", ["CNAME", "ANY"])
def test_who_asks_for_an_alias_itself_is_told_that_it_is_the_answer_alone(mirage_hole, state, qtype):
    alias = Rewrite(0, 5, from_text("garden.example"))
    own(state, RichRule("www.example", Action.BLOCK, Target.NAME, "www.example", rewrite=alias))
    out = mirage_hole("explain", "www.example", qtype).out
    assert "5. cache and upstreams: not asked" in out
    assert out.rstrip().endswith("answer: CNAME garden.example.")


def test_what_is_never_served_ends_before_the_rules(mirage_hole, state):
    out = mirage_hole("explain", "ads.example", "AXFR").out
    assert "2. what is served: AXFR is not: REFUSED" in out
    assert "answer: REFUSED" in out


@pytest.mark.parametrize(
    ("written", "answer", "asked"),
    [
        ("", 'HINFO "RFC8482" "", which says nothing', False),
        ('[answers]\nany = "refuse"\n', "REFUSED", False),
        ('[answers]\nany = "forward"\n', "what the upstream says", True),
    ],
)
def test_any_is_told_to_get_nothing_unless_it_is_answered_here(mirage_hole, state, tmp_path, written, answer, asked):
    config = tmp_path / "home/.config/mirage-hole/config.toml"
    config.write_text(config.read_text() + written)
    for name in ("example.org", "fine.example"):
        out = mirage_hole("explain", name, "ANY").out
        assert f"answer: {answer}" in out
        assert ("5. cache and upstreams: not asked" in out) is not asked
    assert "answer: A 0.0.0.0, AAAA ::" in mirage_hole("explain", "ads.example", "ANY").out
    local_data(state, "nas.lan 60 A 192.168.1.5", "out.lan 60 CNAME www.example.com")
    assert "answer: A 192.168.1.5" in mirage_hole("explain", "nas.lan", "ANY").out
    assert mirage_hole("explain", "out.lan", "ANY").out.rstrip().endswith("answer: CNAME www.example.com.")


def test_queries_for_text_are_served(mirage_hole, state):
    assert "2. what is served: TXT is\n" in mirage_hole("explain", "example.org", "TXT").out


def test_the_newest_generation_counts(mirage_hole, state):
    compiled(state, 12)
    assert json.loads(mirage_hole("explain", "ads.example", "--json").out)["generation"] == 12


def test_without_compiled_lists_it_says_what_to_do(mirage_hole, tmp_path):
    ran = mirage_hole("explain", "ads.example", "--state", str(tmp_path / "none"))
    assert ran.code == 1
    assert f"no compiled lists in {tmp_path}/none; start the server once, or write the state directory" in ran.err


def test_damaged_lists_are_named(mirage_hole, state):
    (state / "generations" / directory_name(7) / NAMES).write_bytes(b"junk")
    ran = mirage_hole("explain", "ads.example")
    assert ran.code == 1
    assert "the compiled lists can't be read" in ran.err
    assert directory_name(7) in ran.err


def test_a_directory_of_another_user_is_a_matter_of_permission(mirage_hole, state, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    ran = mirage_hole("explain", "ads.example")
    assert ran.code == 77
    assert "is not readable for this user" in ran.err


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["a..b"], "write a name such as example.com"),
        (["ads.example", "--client", "phone"], "write one such as 192.168.1.20"),
        (["ads.example", "nonsense"], "write A, AAAA, HTTPS"),
    ],
)
def test_wrong_usage_says_what_to_write(mirage_hole, state, arguments, advice):
    ran = mirage_hole("explain", *arguments)
    assert ran.code == 2
    assert advice in ran.err


def local_data(state: Path, *records: str) -> None:
    """As the server compiles it."""
    lan = from_text("lan")
    assembled = assemble([[a_record(text) for text in records]], lan)
    own = (from_text("mirage.hole"),), {"10.8.0.0/16": [b"\x0a\x08\0\1"], "": [b"\xc0\xa8\1\2"]}
    (state / LOCAL).write_bytes(orjson.dumps(encode(assembled.records, lan, *own)))


@pytest.mark.parametrize(
    ("asked", "outcome", "answer", "stage"),
    [
        (["nas.lan"], "local", "A 192.168.1.5", "A 192.168.1.5, whatever the rules say"),
        (["nas.lan", "--client", "10.8.1.1"], "local", "A 10.8.0.5", "A 10.8.0.5, whatever the rules say"),
        (["nas.lan", "AAAA"], "local", "NODATA", "NODATA (local data has no record of this type)"),
        (["ads.example"], "local", "A 192.168.1.6", "A 192.168.1.6, whatever the rules say"),
        (["gone.lan"], "local", "NXDOMAIN", "NXDOMAIN (answered from local data alone)"),
        (["www.lan"], "local", "CNAME nas.lan., A 192.168.1.5", "CNAME nas.lan., A 192.168.1.5, whatever"),
        (["out.lan"], "local", "CNAME www.example.com., and what the upstream says of www.example.com", "CNAME"),
        (["round.lan"], "local", "SERVFAIL: the aliases lead in a circle", "SERVFAIL"),
        (["mirage.hole"], "special", "A 192.168.1.2", "A 192.168.1.2 (the name of this server)"),
        (["mirage.hole", "--client", "10.8.1.1"], "special", "A 10.8.0.1", "A 10.8.0.1 (the name of this server)"),
        (["printer.local"], "special", "NXDOMAIN", "NXDOMAIN (RFC 6762 22.1)"),
        (["intranet"], "special", "NODATA", "NODATA (a name without a dot, which is not asked of others)"),
    ],
)
def test_what_the_server_answers_itself_is_explained(mirage_hole, state, asked, outcome, answer, stage):
    local_data(
        state, "nas.lan 60 A 192.168.1.5", "nas.lan 60 A 10.8.0.5 @10.8.0.0/16", "ads.example 60 A 192.168.1.6",
        "www.lan 60 CNAME nas.lan", "out.lan 60 CNAME www.example.com", "round.lan 60 CNAME round.lan",
    )  # fmt: skip
    out = mirage_hole("explain", *asked).out.splitlines()
    assert out[0].endswith(f": {outcome}")
    assert f"answer: {answer}" in out
    assert any(line.startswith(f"3. local data and names of special use: {stage}") for line in out)
    (asks,) = [line for line in out if line.startswith("5. ")]
    assert ("www.example.com A" in asks) if asked == ["out.lan"] else asks.endswith("not asked")


def test_strangers_and_types_that_are_not_served_come_before_local_data(mirage_hole, state):
    local_data(state, "nas.lan 60 A 192.168.1.5")
    assert "answer: none over UDP, REFUSED over TCP" in mirage_hole("explain", "nas.lan", "--client", "203.0.113.9").out
    assert "answer: REFUSED" in mirage_hole("explain", "nas.lan", "AXFR").out


def test_damaged_local_data_is_told(mirage_hole, state):
    (state / LOCAL).write_text("{")
    ran = mirage_hole("explain", "nas.lan")
    assert (ran.code, "compiled anew when the server restarts" in ran.err) == (1, True)
