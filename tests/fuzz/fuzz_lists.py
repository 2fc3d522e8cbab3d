"""Coverage-guided fuzzing of the list parsers: any octets are rules or complaints, within the bounds that are promised.

Run: ``python tests/fuzz/fuzz_lists.py -max_total_time=20`` (any libFuzzer option). A failing input is written beside it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

with atheris.instrument_imports(include=["mirage_hole"]):
    from mirage_hole.lists.formats import FORMATS
    from mirage_hole.lists.line import split_lines
    from mirage_hole.lists.parse import MAX_COMPLAINTS, MAX_REASONS, ParsedList, parse
    from mirage_hole.lists.rule import Action, Scope
    from mirage_hole.lists.stored import decode_rich, encode_rich
    from mirage_hole.policy.build import Builder
    from mirage_hole.policy.index import ListInfo
    from mirage_hole.wire.names import from_text, labels_of, to_text

NAME = re.compile(rb"([\x01-\x3f][a-z0-9_-]+)+\0", re.DOTALL)
FORMS = (None, *FORMATS)
SEEDS = (
    b"@@||aax-*.amazon.*^\n||ad*.example^\n|*ads*^\n||*.x.example^\n||*^\n",
    b"! Title: x\n||ads.example^\n@@||good.example^|\n|only.example^\n",
    b"0.0.0.0 a.example b_c.example # why\n127.0.0.1 localhost\n::1 ip6-localhost\n0.0.0.0 0.0.0.0\n",
    b"*.a.example\nplain.example\nb\xc3\xbccher.example.\n",
    b"||x.example^$badfilter\n||y^$dnstype=~A,client='me',ctag=device_tv\n|z^$dnsrewrite=NOERROR;MX;10 m.example\n",
    b"$TTL 60\n$ORIGIN rpz.example.\n@ SOA a b (1 2\n3 4 5)\nx CNAME .\n*.x CNAME *.\n32.1.2.0.192.rpz-ip CNAME rpz-drop.\n",
    b"(^|\\.)ads?[0-9]*\\.;querytype=!A;reply=NXDOMAIN\n^x;invert\n192.0.2.0/24\n2001:db8::/32\n",
    b"[Adblock Plus 2.0]\nexample.com##.banner\n||x.example^$important\n/ads[0-9]/\n!#include x\n",
    b'server=/x/\nlocal-zone: "x" y\nx.example CNAME .\n<html>\n192.0.2.1:80\nx.example#c\n',
)


def check(data: bytes) -> None:
    """One input: the first octet chooses kind and format, the rest is the list, cut into chunks."""
    if not data:
        return
    kind, form = Action(data[0] & 1), FORMS[(data[0] >> 1) % len(FORMS)]
    size = 1 + (data[0] >> 4) * 7
    text = data[1:]
    parsed = parse(split_lines(text[at : at + size] for at in range(0, len(text), size)), kind, form)
    rules = list(parsed)
    check_counts(parsed, len(rules) + len(parsed.rich))
    for rule in rules:
        assert NAME.fullmatch(rule.name), rule
        assert len(rule.name) <= 255, rule
        assert from_text(to_text(rule.name)) == rule.name, rule
        assert 1 <= rule.line <= parsed.lines, rule
    builder = Builder()
    builder.add_list(rules)
    builder.add_rich(parsed.rich)
    # Every rule that a parser lets through is one that the policy can hold and the engine can ask.
    info = ListInfo("t", "s", kind.name.lower(), parsed.format, len(rules), 0)
    policy = builder.build().as_policy(1, [info])
    for rich in parsed.rich:
        assert decode_rich(encode_rich(rich)) == rich
    switched_off = any(one.badfilter for one in parsed.rich)
    for rule in rules:
        name = b"\x01x" + rule.name if rule.scope is Scope.BELOW else rule.name
        if len(name) > 255:
            continue
        match = policy.decide(name, labels_of(name), 1, b"\xc0\xa8\0\2")
        assert match is not None or switched_off, rule
        everything = policy.matches(name, labels_of(name), 1, b"\xc0\xa8\0\2")
        assert (match is None) == (not everything), rule
        assert match is None or match.step == everything[0].step, rule


def check_counts(parsed: ParsedList, rules: int) -> None:
    """The counts agree and the bounds hold."""
    assert parsed.rules == rules
    assert len(parsed.complaints) == min(parsed.complaint_count, MAX_COMPLAINTS)
    assert parsed.complaint_count == sum(parsed.reasons.values())
    assert len(parsed.reasons) <= MAX_REASONS + 1
    assert all(not one.text or one.text.isprintable() for one in parsed.complaints)
    assert all(1 <= one.line <= parsed.lines for one in parsed.complaints)


def main() -> None:
    """Every seed in every format first, then whatever the fuzzer comes up with."""
    for seed in SEEDS:
        for first in range(256):
            check(bytes((first,)) + seed)
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
