"""The user's own rules: what is blocked and allowed here, whatever the lists say."""

# Annotations stay live objects here (no ``from __future__ import annotations``): msgspec reads them.
from typing import Annotated, Any, Literal, Protocol

from msgspec import UNSET, Meta, Struct, UnsetType

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route

AREA = "rules"
MAX_RULES = 10_000
MAX_TEXT = 1024
MAX_COMMENT = 500
LONGEST = 315_360_000
"""Seconds, ten years."""
MAX_BODY = 16 * 1024 * 1024

Text = Annotated[
    str,
    Meta(
        max_length=MAX_TEXT,
        description="A rule, as in a list: a name, *.name, ||name^, @@||name^, /regex/, with modifiers.",
        examples=["||ads.example^"],
    ),
]
Domain = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        pattern=r"^[^\s|^$*/@,'\"]+$",
        description="A domain, in the place of a text.",
        examples=["ads.example"],
    ),
]
Client = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[^,|'\"\\~$]+$",
        description="Only for this client: its name, address or network.",
        examples=["Desk"],
    ),
]
Comment = Annotated[str, Meta(max_length=MAX_COMMENT, description="Why it is there.")]
Seconds = Annotated[float, Meta(gt=0, le=LONGEST, description="How long it counts, from now.", examples=[3600])]
Enabled = Annotated[bool, Meta(description="Whether it counts.")]


class Rules(Protocol):
    """What the routes act on. Each method raises :class:`Refusal` for what it does not do."""

    async def all(self) -> list[dict[str, Any]]:
        """In the order in which they were written."""

    async def add(
        self, texts: list[str], comment: str, seconds: float | None, *, enabled: bool, who: str
    ) -> dict[str, Any]:
        """Take rules."""

    async def replace(self, texts: list[str], *, who: str) -> dict[str, Any]:
        """Have these and no others."""

    async def remove(self, chosen: list[int | str], *, who: str) -> dict[str, Any]:
        """Forget rules."""

    async def edit(self, number: int, fields: dict[str, Any], *, who: str) -> dict[str, Any]:
        """Change one."""


class Rule(Struct, kw_only=True):
    """One rule."""

    number: Annotated[int, Meta(ge=1)]
    text: str
    comment: str
    created: Annotated[float, Meta(description="Seconds since the epoch.")]
    until: Annotated[float | None, Meta(description="When it ends by itself; null: never.")]
    enabled: bool


class RulePage(Struct, kw_only=True):
    """Some of the rules."""

    rules: list[Rule]
    total: Annotated[int, Meta(description="How many fit, on all pages.")]
    next: Annotated[int | None, Meta(description="Give it as `after` for the next page; null: this was the last.")]


class ChangedRules(Struct, kw_only=True):
    """What came of a change."""

    rules: Annotated[list[Rule], Meta(description="Those that it was about.")]
    notes: Annotated[list[str], Meta(description="What their owner should know, such as a contradiction.")]
    live: Annotated[bool, Meta(description="Every worker answers by it already.")]
    milliseconds: Annotated[float, Meta(description="Until it did.")]


class RuleQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which rules."""

    text: Annotated[str, Meta(max_length=200, description="This somewhere in the rule or its comment.")] = ""
    enabled: Annotated[bool | None, Meta(description="Only those that are on, or off.")] = None
    limit: Annotated[int, Meta(ge=1, le=1000, description="How many on a page.")] = 100
    after: Annotated[int, Meta(ge=0, le=2**53, description="Only those of a larger number.")] = 0


class NewRules(Struct, kw_only=True, forbid_unknown_fields=True):
    """Rules to add: `text`, `texts`, or `name` with `action`."""

    text: Text | None = None
    texts: Annotated[list[Text], Meta(max_length=MAX_RULES, description="Several rules, all or none.")] = []
    name: Domain | None = None
    action: Annotated[Literal["block", "allow"], Meta(description="What happens to `name`.")] = "block"
    scope: Annotated[Literal["exact", "subtree"], Meta(description="`name` alone, or all names below it as well.")] = (
        "exact"
    )
    client: Client | None = None
    comment: Comment = ""
    seconds: Seconds | None = None
    enabled: Enabled = True


class AllRules(Struct, kw_only=True, forbid_unknown_fields=True):
    """All rules there should be."""

    texts: Annotated[list[Text], Meta(max_length=MAX_RULES)]


class RuleChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What should be different; what is left out stays."""

    text: Text | UnsetType = UNSET
    comment: Comment | UnsetType = UNSET
    seconds: Annotated[
        Seconds | UnsetType | None, Meta(description="How long it counts, from now; null: for ever.")
    ] = UNSET
    enabled: Enabled | UnsetType = UNSET


async def list_rules(call: Call[RuleQuery, None]) -> RulePage:
    """In the order of their numbers, which is that in which they were added."""
    query = call.query
    wanted = query.text.casefold()
    fit = [
        one
        for one in await _part(call).all()
        if (query.enabled is None or one["enabled"] is query.enabled)
        and (wanted in one["text"].casefold() or wanted in one["comment"].casefold())
    ]
    rest = [one for one in fit if one["id"] > query.after]
    page = rest[: query.limit]
    following = page[-1]["id"] if len(rest) > len(page) else None
    return RulePage(rules=list(map(_rule, page)), total=len(fit), next=following)


async def add_rules(call: Call[None, NewRules]) -> ChangedRules:
    """All or none. One that is there already gets the new comment, end and state instead of being added twice."""
    body = call.body
    found = await _part(call).add(_texts(body), body.comment, body.seconds, enabled=body.enabled, who=call.who.name)
    return _changed(found)


async def replace_rules(call: Call[None, AllRules]) -> ChangedRules:
    """Have these rules and no others; those that stay keep their number, comment and end."""
    return _changed(await _part(call).replace(call.body.texts, who=call.who.name))


async def show_rule(call: Call[None, None]) -> Rule:
    """With an ETag, for ``If-Match``."""
    number = int(call.path["number"])
    for one in await _part(call).all():
        if one["id"] == number:
            return _rule(one)
    raise Refusal(404, f"There is no rule {number}.")


async def change_rule(call: Call[None, RuleChange]) -> ChangedRules:
    """Change its text, comment, end, or whether it counts."""
    body = call.body
    fields = {
        name: value for name in ("text", "comment", "seconds", "enabled") if (value := getattr(body, name)) is not UNSET
    }
    if not fields:
        raise Refusal(
            400, "Nothing is to be changed.", [Fault("body", "is empty", "text, comment, seconds or enabled")]
        )
    return _changed(await _part(call).edit(int(call.path["number"]), fields, who=call.who.name))


async def remove_rule(call: Call[None, None]) -> ChangedRules:
    """Forget it. The audit log can bring it back."""
    number = int(call.path["number"])
    found = await _part(call).remove([number], who=call.who.name)
    if not found["rules"]:
        raise Refusal(404, f"There is no rule {number}.")
    return _changed(found)


def _part(call: Call[Any, Any]) -> Rules:
    return needed(call.parts.rules, "rules")


def _texts(body: NewRules) -> list[str]:
    ways = [body.text is not None, bool(body.texts), body.name is not None]
    if sum(ways) != 1:
        what = "says no rule" if not any(ways) else "says rules in more than one way"
        raise Refusal(400, f"The body {what}.", [Fault("body", what, "one of text, texts and name")])
    if body.name is None:
        others = [name for name, usual in (("action", "block"), ("scope", "exact")) if getattr(body, name) != usual]
        others += ["client"] if body.client is not None else []
        if others:
            faults = [Fault(one, "goes with name alone", "it into the rule's text") for one in others]
            raise Refusal(400, f"{', '.join(others)}: only a rule that is given by its name has this.", faults)
        return [body.text] if body.text is not None else body.texts
    exception = "@@" if body.action == "allow" else ""
    anchor = "||" if body.scope == "subtree" else "|"
    client = f"$client='{body.client}'" if body.client is not None else ""
    name = body.name.rstrip(".")
    if not exception and body.scope == "exact" and not client:
        return [name]
    return [f"{exception}{anchor}{name}^{client}"]


def _rule(one: dict[str, Any]) -> Rule:
    return Rule(**{"number" if name == "id" else name: value for name, value in one.items()})


def _changed(found: dict[str, Any]) -> ChangedRules:
    return ChangedRules(**{**found, "rules": list(map(_rule, found["rules"]))})


_ONE = "/api/v1/rules/{number}"
ROUTES = (
    Route(
        method="GET",
        path="/api/v1/rules",
        area=AREA,
        role=Role.VIEWER,
        handler=list_rules,
        summary="Your own rules",
        query=RuleQuery,
        answer=RulePage,
        problems=(503,),
    ),
    Route(
        method="POST",
        path="/api/v1/rules",
        area=AREA,
        role=Role.OPERATOR,
        handler=add_rules,
        summary="Add rules",
        body=NewRules,
        answer=ChangedRules,
        problems=(503,),
        max_body=MAX_BODY,
    ),
    Route(
        method="PUT",
        path="/api/v1/rules",
        area=AREA,
        role=Role.OPERATOR,
        handler=replace_rules,
        summary="Have these rules and no others",
        body=AllRules,
        answer=ChangedRules,
        problems=(503,),
        max_body=MAX_BODY,
        seconds=30.0,
    ),
    Route(
        method="GET",
        path=_ONE,
        area=AREA,
        role=Role.VIEWER,
        handler=show_rule,
        summary="One rule",
        answer=Rule,
        problems=(404, 503),
    ),
    Route(
        method="PATCH",
        path=_ONE,
        area=AREA,
        role=Role.OPERATOR,
        handler=change_rule,
        summary="Change a rule",
        body=RuleChange,
        answer=ChangedRules,
        problems=(404, 412, 503),
    ),
    Route(
        method="DELETE",
        path=_ONE,
        area=AREA,
        role=Role.OPERATOR,
        handler=remove_rule,
        summary="Remove a rule",
        answer=ChangedRules,
        problems=(404, 412, 503),
    ),
)
