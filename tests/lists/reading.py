"""Shared by the list tests: reading a text, and finding the real lists that live beside the repository."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

import dns.rdata
import dns.rdataclass
import pytest
from dns.rdatatype import RdataType

from mirage_hole.lists.formats import FORMATS
from mirage_hole.lists.parse import ParsedList, parse
from mirage_hole.lists.rule import Action, Reply, RichRule, Scope, Target
from mirage_hole.wire.codes import type_text
from mirage_hole.wire.names import to_text

SHARED = Path(os.environ.get("MIRAGE_HOLE_SHARED") or Path(__file__).resolve().parents[2].parent / "shared") / "lists"

needs_real_lists = pytest.mark.skipif(
    not SHARED.is_dir(), reason="no real lists here; set MIRAGE_HOLE_SHARED to the directory that holds lists/"
)


def read(text: str | bytes, kind: Action = Action.BLOCK, form: str | None = None) -> ParsedList:
    """A list that is read to its end; its rules as text in ``.texts``."""
    raw = text.encode() if isinstance(text, str) else text
    parsed = parse(raw.split(b"\n"), kind, form)
    return Read(parsed)


class Read:
    """What a list gave: ``rules`` as people write them, with their lines, and the complaints."""

    def __init__(self, parsed: ParsedList) -> None:
        self.rules = [(as_text(rule), rule.line) for rule in parsed]
        self.parsed = parsed
        self.texts = [text for text, _ in self.rules]
        self.complaints = [(complaint.line, complaint.reason) for complaint in parsed.complaints]

    @property
    def reason(self) -> str:
        """Of the only complaint."""
        ((_, reason),) = self.complaints
        return reason


def as_text(rule) -> str:
    allow = "@@" if rule.action is Action.ALLOW else ""
    name = to_text(rule.name)
    return f"{allow}||{name}^" if rule.scope is Scope.SUBTREE else f"{allow}{name}"


def as_pattern(rule) -> str:
    front = ("@@" if rule.action is Action.ALLOW else "") + ("||" if rule.scope is Scope.SUBTREE else "|")
    return f"{front}{rule.pattern}^"


def slowly(form: str):
    """The format without its fast path."""
    return dataclasses.replace(FORMATS[form], simple=re.compile(rb"(?!)"))


def told(text: str | bytes, kind: Action = Action.BLOCK, form: str | None = None) -> list[str]:
    """Every rule of a text, plain ones first, in words: action, scope or target, subject, and what is not as usual."""
    raw = text.encode() if isinstance(text, str) else text
    parsed = parse(raw.split(b"\n"), kind, form)
    rules = [
        f"{rule.action.name} {rule.scope.name} {to_text(rule.name)}" + _reply_in_words(rule.reply) for rule in parsed
    ]
    rules += [_rich_in_words(rule) for rule in parsed.rich]
    rules += [f"complaint: {one.reason}" for one in parsed.complaints]
    return rules


def _reply_in_words(reply: Reply) -> str:
    return f" {reply.name}" if reply else ""


def _rich_in_words(rule: RichRule) -> str:
    where = rule.scope.name if rule.target is Target.NAME else rule.target.name
    # Local data is a block with an answer (``->``): what has no record is NODATA. A rewrite (``=>``) goes before blocks.
    local = rule.rewrite is not None and rule.reply is Reply.NODATA
    text = f"{rule.action.name} {where} {rule.subject}{'' if local else _reply_in_words(rule.reply)}"
    text += " inverted" if rule.invert else ""
    text += f" types {'+'.join(map(type_text, rule.types))}" if rule.types else ""
    text += f" not types {'+'.join(map(type_text, rule.other_types))}" if rule.other_types else ""
    if rule.rewrite is not None:
        number = RdataType(rule.rewrite.rrtype)
        data = dns.rdata.from_wire(dns.rdataclass.IN, number, rule.rewrite.rdata, 0, len(rule.rewrite.rdata))
        text += f" {'->' if local else '=>'} {RdataType.to_text(number)} {data.to_text()}"
    return text
