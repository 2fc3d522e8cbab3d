"""Rules are tried on a name before anybody is bound by them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from mirage_hole.api import views
from mirage_hole.api.problems import Refusal
from mirage_hole.api.v1.explain import Verdict
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.rules import MAX_TEXT
from mirage_hole.api.v1.values import Address, DomainName, RecordType
from mirage_hole.lists.own import BadRule, read_own
from mirage_hole.lists.rule import Action, RichRule
from mirage_hole.wire.codes import type_number, type_text
from mirage_hole.wire.names import from_text

MAX_TRIED = 100


class TrialBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """Rules, and a query as a client would ask it."""

    texts: Annotated[list[Annotated[str, Meta(max_length=MAX_TEXT)]], Meta(max_length=MAX_TRIED)]
    name: Annotated[DomainName, Meta(description="Empty: the rules are read and not tried.")] = ""
    type: RecordType = ""
    client: Annotated[Address, Meta(description="Who asks; without, rules for some clients only do not apply.")] = ""


class TriedRule(Struct, kw_only=True):
    """One of the texts."""

    text: str
    problem: Annotated[str, Meta(description="Why it is no rule, and what to write instead; empty when it is one.")]
    action: Literal["block", "allow", "rewrite", ""]
    target: Annotated[str, Meta(description="What it is about: name, pattern, regex, addresses; empty: no rule.")]
    subject: Annotated[str, Meta(description="The name, pattern or expression.")]
    scope: Literal["exact", "subtree", "below", ""]
    types: Annotated[list[str], Meta(description="Only these record types; empty: all.")]
    clients: Annotated[list[str], Meta(description="Only for these clients; empty: for all.")]
    important: bool
    applies: Annotated[bool | None, Meta(description="Whether it is about the query; null: not tried.")]


class Tried(Struct, kw_only=True):
    """What would come of the rules."""

    rules: list[TriedRule]
    before: Annotated[Verdict | None, Meta(description="What happens to the query now; null: not tried.")]
    after: Annotated[Verdict | None, Meta(description="What would happen with the rules.")]
    by: Annotated[str | None, Meta(description="The rule that would decide.")]


async def try_rules(call: Call[None, TrialBody]) -> dict[str, Any]:
    """Nothing changes: each text is read, and all that are rules are tried on the query, behind those that there are."""
    body = call.body
    read = [_read(text) for text in body.texts]
    rules = [one for one in read if isinstance(one, RichRule)]
    said: dict[str, Any] = {"before": None, "after": None, "by": None}
    applies: list[bool | None] = [None] * len(rules)
    if body.name:
        state = needed(call.parts.state, "state")
        qtype = type_number(body.type) if body.type else 0
        client = ip_address(body.client).packed if body.client else b""
        trial = state.attempt(rules, from_text(body.name), qtype, client) if state.attempt else None
        if trial is None:
            raise Refusal(503, "No lists are loaded yet.", headers={"Retry-After": "5"})
        applies = list(trial.applies)
        said = {
            "before": views.VERDICTS[trial.before.outcome],
            "after": views.VERDICTS[trial.after.outcome],
            "by": trial.after.rules[0].text if trial.after.rules else None,
        }
    found = iter(applies)
    told = [
        _told(text, one, next(found) if isinstance(one, RichRule) else None)
        for text, one in zip(body.texts, read, strict=True)
    ]
    return {"rules": told, **said}


def _read(text: str) -> RichRule | str:
    try:
        return read_own(text)
    except BadRule as problem:
        return str(problem)


def _told(text: str, read: RichRule | str, applies: bool | None) -> dict[str, Any]:
    if isinstance(read, str):
        nothing = {
            "action": "",
            "target": "",
            "subject": "",
            "scope": "",
            "types": [],
            "clients": [],
            "important": False,
        }
        return {"text": text, "problem": read, **nothing, "applies": None}
    rewrites = read.action is Action.BLOCK and read.rewrite is not None
    return {
        "text": text,
        "problem": "",
        "action": "rewrite" if rewrites else read.action.name.lower(),
        "target": read.target.name.lower(),
        "subject": read.subject,
        "scope": read.scope.name.lower(),
        "types": [type_text(number) for number in read.types],
        "clients": list(read.clients),
        "important": read.important,
        "applies": applies,
    }


ROUTES = (
    Route(
        method="POST",
        path="/api/v1/rules/try",
        area="rules",
        role=Role.OPERATOR,
        handler=try_rules,
        summary="Try rules on a name",
        body=TrialBody,
        answer=Tried,
        problems=(503,),
        max_body=256 * 1024,
    ),
)
