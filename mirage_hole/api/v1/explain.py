"""What the rules say of a name, and why."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from mirage_hole.api import views
from mirage_hole.api.problems import Refusal
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.values import Address, DomainName, RecordType
from mirage_hole.wire.codes import type_number
from mirage_hole.wire.names import from_text

Verdict = Literal["block", "allow", "rewrite", "none"]


class ExplainQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """A query as a client would ask it."""

    name: Annotated[DomainName, Meta(min_length=1, description="The name.", examples=["doubleclick.net"])]
    type: Annotated[RecordType, Meta(description="Without one, rules for some types only do not apply.")] = ""
    client: Annotated[Address, Meta(description="Who asks; without, rules for some clients only do not apply.")] = ""


class AppliedRule(Struct, kw_only=True):
    """A rule that applies, or would."""

    decides: bool
    action: Literal["block", "allow", "rewrite"]
    list: Annotated[str, Meta(description="Its title.")]
    source: str
    rule: str
    scope: Literal["exact", "subtree", "below"]
    line: int | None
    step: Annotated[str, Meta(description="Its place in the order.")]
    why: str


class WithoutList(Struct, kw_only=True):
    """What would happen without one list."""

    list: str
    source: str
    verdict: Verdict
    rule: str | None
    by: Annotated[str | None, Meta(description="The list of the rule that would decide.")]
    changes: bool


class Explanation(Struct, kw_only=True):
    """The verdict, and how it comes about."""

    name: str
    type: str | None
    verdict: Verdict
    rules: Annotated[list[AppliedRule], Meta(description="Those that apply, the deciding one first; at most 100.")]
    others: Annotated[list[AppliedRule], Meta(description="Those that would, but for something.")]
    without: Annotated[
        list[WithoutList], Meta(description="What would happen without each list that has a part in it.")
    ]


async def explain(call: Call[ExplainQuery, None]) -> dict[str, Any]:
    """Every rule that applies to the name, which one decides, and what would happen without each list."""
    asked, state = call.query, needed(call.parts.state, "state")
    name = from_text(asked.name)
    qtype = type_number(asked.type) if asked.type else 0
    client = ip_address(asked.client).packed if asked.client else b""
    found = state.explain(name, qtype, client) if state.explain else None
    if found is None:
        raise Refusal(503, "No lists are loaded yet.", headers={"Retry-After": "5"})
    return views.explanation(found)


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/explain",
        area="explain",
        role=Role.VIEWER,
        handler=explain,
        summary="What the rules say of a name",
        query=ExplainQuery,
        answer=Explanation,
    ),
)
