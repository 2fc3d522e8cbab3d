"""Brave's engine (``adblock`` on PyPI) reads the same lists and decides over the same names.

Compared are ``||name^`` and its exceptions, with ``$important`` and ``$badfilter``, asked for as ``http://name/``. Left out
is what means something else in a browser: bare names and hosts lines, patterns without a ``||`` in front (they fit paths,
too), expressions, addresses, and the modifiers that only DNS has. So is ``@@…$important``, which AdGuard Home takes for the
strongest rule and Brave for a weaker one than ``…$important``; ``||www.``, of which Brave drops the first label; and ``*``
inside a label, which Brave does not look for: for patterns the oracle is AdGuard Home's own expression (``adguard.fits``).
"""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirage_hole.lists import adblock
from mirage_hole.lists.parse import parse
from mirage_hole.lists.rule import Action
from mirage_hole.wire.names import from_text, labels_of
from tests.lists.adguard import a_policy, fits
from tests.lists.reading import SHARED, needs_real_lists

brave = pytest.importorskip("adblock", reason="the oracle is not installed; it is in the test extra")

_SHARED_MEANING = re.compile(
    r"(?:@@)?\|\|(?!www\.)[a-z0-9_.-]+\^\|?(?:\$(?:important|badfilter)(?:,(?:important|badfilter))?)?"
)
_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*[a-z0-9_]")
_PATTERN = re.compile(r"(?:@@)?((?:\|\|?|://|\*)?[a-z0-9_.*-]*(?:\^\|?|\*)?)")


class Both:
    """The same rules, read by us and by Brave's engine."""

    def __init__(self, lines: list[str]) -> None:
        parsed = parse([line.encode() for line in lines], Action.BLOCK, "adblock")
        rules = [*parsed]
        self.complaints = parsed.reasons
        self._policy = a_policy([*rules, *parsed.rich])
        filters = brave.FilterSet()
        filters.add_filters(lines)
        self._engine = brave.Engine(filters, optimize=False)

    def ours(self, name: str) -> bool:
        wire = from_text(name)
        match = self._policy.decide(wire, labels_of(wire), 1)
        return match is not None and match.action is Action.BLOCK

    def theirs(self, name: str) -> bool:
        return self._engine.check_network_urls(f"http://{name}/", "http://source.test/", "other").matched


@needs_real_lists
@pytest.mark.parametrize(
    "file", sorted(path.relative_to(SHARED).as_posix() for kind in ("adblock", "allow") for path in (SHARED / kind).glob("*"))
)  # fmt: skip
def test_every_real_list_blocks_what_braves_engine_blocks(file):
    text = (SHARED / file).read_text("utf-8", "replace")
    lines = [line for line in map(str.strip, text.splitlines()) if _SHARED_MEANING.fullmatch(line)]
    if not lines:
        pytest.skip("no rule in it that a browser takes for the same")
    both = Both(lines)
    assert both.complaints == {}
    chosen = random.Random(1)
    names = set()
    for line in [
        *chosen.sample(lines, min(len(lines), 2000)),
        *(line for line in lines if "*" in line or line[0] == "@"),
    ]:
        name = _NAME.search(line)[0].replace("*", "x1").strip(".-")
        names.update((name, f"sub.{name}", f"bad{name}", f"{name}.example", name.partition(".")[2] or name))
    told = [(name, both.ours(name), both.theirs(name)) for name in sorted(names)]
    assert [one for one in told if one[1] != one[2]] == []
    assert any(ours for _, ours, _ in told) or all(line.startswith("@@") for line in lines)


@needs_real_lists
@pytest.mark.parametrize("file", ["dandelion-antimalware-adguardhome.txt", "dandelion-nordic-adguardhome.txt"])
def test_every_pattern_of_real_lists_is_about_what_adguard_home_takes_it_for(file):
    text = (SHARED / "adblock" / file).read_text("utf-8", "replace")
    patterns = [found[1] for line in text.splitlines() if (found := _PATTERN.fullmatch(line.strip().lower()))]
    patterns = [one for one in patterns if one and _needs_a_pattern(one)]
    assert len(patterns) > 50
    for pattern in patterns:
        (rule,) = adblock.read(pattern, Action.BLOCK)
        policy = a_policy([rule])
        core = pattern.strip("|:/^*").replace("*", "x1").strip(".-")
        for name in (core, f"{core}.example", f"a.{core}", f"bad{core}.example", f"a.bad{core}", f"{core}1.a.example"):
            wire = from_text(name)
            found = policy.decide(wire, labels_of(wire), 1) is not None
            assert found == fits(pattern, name), (pattern, name)


def _needs_a_pattern(pattern: str) -> bool:
    """Neither a bare name or address, nor a rule that ``||`` and ``^`` make one about a name."""
    if not any(one.isalpha() for one in pattern):
        return False
    bare = pattern.strip("^|")
    return "*" in bare or "://" in bare or pattern[-1] == "." or (pattern[0] == "|" and pattern[-1] not in "^|")


EXPLAINED = {
    "the modifier $all is for browsers, DNS can't follow it": 3,
    "the modifier $popup is for browsers, DNS can't follow it": 1,
    "$denyallow with a wildcard or an expression; it names whole names": 20,  # AdGuard's documentation forbids it
    "an expression about a URL, DNS sees only names": 6,  # ^https?://, which AdGuard Home compares with names in vain
    "a rule about a path, DNS sees only names": 2,
    "a rule about a URL, DNS sees only names; write |name^": 1,
    "a pattern too wide: every name would match": 1,  # ://$badfilter
    "a | or ^ where no name begins or ends": 1,  # ://ups-dk.denyallow=dk|nu, whose $ is missing
    "an address with something behind it; rules are about addresses and networks alone": 4,  # with ports
}


@needs_real_lists
def test_real_lists_give_no_complaint_that_is_not_explained():
    reasons: Counter[str] = Counter()
    for path in sorted((SHARED / "adblock").glob("*")):
        with path.open("rb") as lines:
            parsed = parse(lines, Action.BLOCK)
            assert sum(1 for _ in parsed) + len(parsed.rich) > 200
        reasons += parsed.reasons
    assert reasons == EXPLAINED


RULES = st.builds(
    "{}||{}^{}".format,
    st.sampled_from(["", "@@"]),
    st.sampled_from(["x.example", "a.x.example", "example", "b.a.x.example", "x-y.example"]),
    st.sampled_from(["", "", "$important"]),
).filter(lambda rule: not (rule.startswith("@@") and rule.endswith("$important")))


@settings(max_examples=200)
@given(
    st.lists(RULES, min_size=1, max_size=6, unique=True),
    st.lists(RULES.filter(lambda rule: "$" not in rule).map("{}$badfilter".format), max_size=2, unique=True),
)
def test_exceptions_important_and_badfilter_come_to_the_same(rules, switches):
    both = Both([*rules, *switches])
    for name in ("x.example", "a.x.example", "b.a.x.example", "ab.example", "x-y.example", "y.example", "other.test"):
        assert both.ours(name) == both.theirs(name), name
