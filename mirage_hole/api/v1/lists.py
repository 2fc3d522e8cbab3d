"""Lists: which are used, what is in them, downloading them, and the catalogue to choose from."""

# Annotations stay live objects here (no ``from __future__ import annotations``): msgspec reads them.
import asyncio
from collections.abc import Collection
from typing import Annotated, Any, Literal, Protocol

from msgspec import Meta, Struct

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route

AREA = "lists"
MAX_LISTS = 1000

Address = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2048,
        description="A URL, an absolute path, or a name from the catalogue.",
        examples=["https://example.org/hosts.txt"],
    ),
]
Title = Annotated[str, Meta(max_length=100, description="What it is called; empty: what it calls itself.")]
Format = Annotated[str, Meta(max_length=20, description="Such as hosts or adblock; empty: found out.")]


class Lists(Protocol):
    """What the routes act on. Each method raises :class:`Refusal` for what it does not do."""

    def rows(self, keys: Collection[str] | None = None) -> list[dict[str, Any]]:
        """All lists, or these; none while it is not known which there are."""

    async def one(self, key: str) -> dict[str, Any]:
        """A list, by key or source."""

    async def add(self, source: str, kind: str, form: str, title: str, *, who: str) -> dict[str, Any]:
        """Use one more."""

    async def remove(self, source: str, *, who: str) -> dict[str, Any]:
        """Use one no longer."""

    async def switch(self, source: str, *, enabled: bool, who: str) -> dict[str, Any]:
        """Switch one off, or on."""

    async def edit(self, source: str, title: str | None, form: str | None, *, who: str) -> dict[str, Any]:
        """Give one another title or format."""

    async def confirm(self, source: str) -> dict[str, Any]:
        """Use the text that was held back."""

    async def start(self, sources: Collection[str], *, force: bool) -> list[dict[str, Any]]:
        """Begin downloading."""

    async def changes(self, key: str) -> dict[str, Any] | None:
        """What its last update has added and removed; None: that is not known yet."""

    async def report(self) -> Any:
        """What those hold that serve: :class:`mirage_hole.runtime.report.Report`."""


class Complaint(Struct, kw_only=True):
    """A line, or a part of one, that is no rule."""

    line: int
    reason: str
    text: str


class OneList(Struct, kw_only=True):
    """One list, in use or switched off."""

    key: str
    title: str
    source: Annotated[str, Meta(description="As it was written, without passwords and tokens.")]
    kind: Literal["block", "allow"]
    enabled: bool
    added: Annotated[bool, Meta(description="It was added here; false: the configuration names it.")]
    state: Annotated[str, Meta(description="live, held, old, missing, loading, or off.")]
    format: str
    rules: int
    complaint_count: Annotated[int, Meta(description="Lines, or parts of them, that are no rule.")]
    reasons: Annotated[dict[str, int], Meta(description="Complaints by reason, as it was compiled last.")]
    complaints: Annotated[list[Complaint], Meta(description="The first of them.")]
    bytes: int
    last_success: float | None
    last_try: float | None
    next_try: float | None
    last_change: float | None
    error: str
    held: str
    decided: Annotated[int, Meta(description="Queries that its rules decided since the start.")]


class OneListQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """How much of it."""

    complaints: Annotated[int, Meta(ge=0, le=200, description="How many complaints at most.")] = 100


class NewList(Struct, kw_only=True, forbid_unknown_fields=True):
    """A list to use."""

    source: Address
    kind: Annotated[Literal["block", "allow"], Meta(description="What its plain names mean.")] = "block"
    title: Title = ""
    format: Format = ""


class ListChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What should be different; what is left out stays."""

    enabled: bool | None = None
    title: Title | None = None
    format: Format | None = None


class ChangedList(Struct, kw_only=True):
    """What came of a change. Compiling goes on behind it; the live stream tells how far it is."""

    key: str
    title: str
    source: str
    changed: Annotated[bool, Meta(description="False: it was so already.")]
    enabled: bool


class Update(Struct, kw_only=True, forbid_unknown_fields=True):
    """What to download."""

    lists: Annotated[list[Address], Meta(max_length=MAX_LISTS, description="Keys or sources; none: all in use.")] = []
    force: Annotated[bool, Meta(description="Use what comes, however many rules a list has lost.")] = False


class Started(Struct, kw_only=True):
    """Downloads have begun; the live stream tells how far they are."""

    lists: Annotated[list[str], Meta(description="Keys.")]


class ReportQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """How much of it."""

    complaints: Annotated[int, Meta(ge=0, le=200, description="Complaints shown of each list.")] = 0
    overlap: Annotated[bool, Meta(description="With how many names each two lists share.")] = False


class ReportedList(Struct, kw_only=True):
    """What a list holds, as it was compiled."""

    title: str
    source: str
    kind: str
    format: str
    sha256: str
    rules: int
    exact: Annotated[int, Meta(description="Names alone.")]
    subtree: Annotated[int, Meta(description="Names with all below them.")]
    below: Annotated[int, Meta(description="What is below a name, without it.")]
    names_with_conditions: int
    patterns: int
    regexes: int
    addresses: int
    duplicates: Annotated[int, Meta(description="Rules that the same list has on an earlier line.")]
    unique: Annotated[int, Meta(description="Names that no other list has.")]
    covered: Annotated[int, Meta(description="Names that a rule about a name above them decides in the same way.")]
    complaint_count: int
    reasons: dict[str, int]
    complaints: list[Complaint]


class ListReport(Struct, kw_only=True):
    """What the lists that serve hold."""

    lists: list[ReportedList]
    names: Annotated[int, Meta(description="Different names with rules.")]
    seconds: Annotated[float, Meta(description="How long compiling took.")]
    overlap: Annotated[
        list[list[int]],
        Meta(description="How many names each two lists share; empty when not asked for, or with more than 200 lists."),
    ]


class Known(Struct, kw_only=True):
    """A well-known list."""

    name: Annotated[str, Meta(description="What to give as source.")]
    title: str
    url: str
    kind: str
    format: str
    licence: str
    size: str
    category: str
    breaks: Annotated[str, Meta(description="What stops working with it.")]
    homepage: str


class Catalogue(Struct, kw_only=True):
    """The lists that this program knows by name."""

    lists: list[Known]


async def show_list(call: Call[OneListQuery, None]) -> OneList:
    """Also one that is switched off. Complaints are those of the last compilation."""
    part = _part(call)
    row = await part.one(call.path["key"])
    found = None
    try:
        report = await part.report()
        found = next((one for one in report.lists if (one.source, one.kind) == (row["source"], row["kind"])), None)
    except Refusal:
        pass  # nothing is compiled yet
    fields = {name: row[name] for name in OneList.__struct_fields__ if name in row}
    return OneList(
        **{
            **fields,
            "complaint_count": row["complaints"],
            "reasons": {} if found is None else found.reasons,
            "complaints": [] if found is None else _complaints(found, call.query.complaints),
        }
    )


async def add_list(call: Call[None, NewList]) -> ChangedList:
    """Download it, compile it and use it. One that is there is switched on, and gets the title and format."""
    body = call.body
    found = await _part(call).add(body.source, body.kind, body.format, body.title, who=call.who.name)
    return ChangedList(enabled=True, **found)


async def change_list(call: Call[None, ListChange]) -> ChangedList:
    """Switch it off or on. A list that was added here can get another title and format; one of the configuration has them there."""
    body, key, part, who = call.body, call.path["key"], _part(call), call.who.name
    if body.enabled is None and body.title is None and body.format is None:
        raise Refusal(400, "Nothing is to be changed.", [Fault("body", "is empty", "enabled, title or format")])
    await part.one(key)  # else a list that is not there would be a bad request
    found: dict[str, Any] = {}
    changed = False
    if body.title is not None or body.format is not None:
        found = await part.edit(key, body.title, body.format, who=who)
        changed = found["changed"]
    if body.enabled is not None:
        found = await part.switch(key, enabled=body.enabled, who=who)
        changed = changed or found["changed"]
    return ChangedList(**{**found, "changed": changed})


async def remove_list(call: Call[None, None]) -> ChangedList:
    """Use it no longer. A list that the configuration names can only be switched off here."""
    part, key = _part(call), call.path["key"]
    await part.one(key)
    return ChangedList(**await part.remove(key, who=call.who.name))


async def confirm_list(call: Call[None, None]) -> ChangedList:
    """Use the newer text that was held back since the list had lost too many rules."""
    return ChangedList(**await _part(call).confirm(call.path["key"]))


async def update_lists(call: Call[None, Update]) -> Started:
    """Begin downloading; what happens is told by ``/api/v1/events``."""
    rows = await _part(call).start(call.body.lists, force=call.body.force)
    return Started(lists=[row["key"] for row in rows if row["enabled"]])


async def report(call: Call[ReportQuery, None]) -> ListReport:
    """Rules by kind, duplicates, names that no other list has, what could not be read, and how lists overlap."""
    query, found = call.query, await _part(call).report()
    lists = []
    for one in found.lists:
        fields = {name: getattr(one, name) for name in ReportedList.__struct_fields__ if hasattr(one, name)}
        lists.append(
            ReportedList(
                **{**fields, "complaint_count": one.complaints, "complaints": _complaints(one, query.complaints)}
            )
        )
    overlap = [list(row) for row in found.overlap] if query.overlap else []
    return ListReport(lists=lists, names=found.names, seconds=found.seconds, overlap=overlap)


async def catalogue(call: Call[None, None]) -> Catalogue:  # noqa: ARG001 - it is the same for all
    """Well-known lists, by the name that ``source`` can have."""
    from mirage_hole.sources.catalogue import load_catalogue

    found = await asyncio.to_thread(load_catalogue)
    return Catalogue(
        lists=[
            Known(
                name=key,
                kind=entry.kind.name.lower(),
                **{name: getattr(entry, name) for name in Known.__struct_fields__ if name not in {"name", "kind"}},
            )
            for key, entry in found.items()
        ]
    )


def _part(call: Call[Any, Any]) -> Lists:
    return needed(call.parts.lists, "lists that can be changed")


def _complaints(one: Any, most: int) -> list[Complaint]:
    return [Complaint(line=line, reason=why, text=text) for line, why, text in one.first_complaints[:most]]


_ALL = "/api/v1/lists"
_ONE = "/api/v1/lists/{key}"
ROUTES = (
    Route(
        method="POST",
        path=_ALL,
        area=AREA,
        role=Role.OPERATOR,
        handler=add_list,
        summary="Use one more list",
        body=NewList,
        answer=ChangedList,
        problems=(503,),
    ),
    Route(
        method="GET",
        path="/api/v1/lists/report",
        area=AREA,
        role=Role.VIEWER,
        handler=report,
        summary="What the lists hold, and how they overlap",
        query=ReportQuery,
        answer=ListReport,
        problems=(503,),
    ),
    Route(
        method="GET",
        path="/api/v1/lists/catalogue",
        area=AREA,
        role=Role.VIEWER,
        handler=catalogue,
        summary="Well-known lists",
        answer=Catalogue,
    ),
    Route(
        method="POST",
        path="/api/v1/lists/update",
        area=AREA,
        role=Role.OPERATOR,
        handler=update_lists,
        summary="Download lists now",
        body=Update,
        answer=Started,
        status=202,
        seconds=20.0,
        problems=(404, 409, 503),
    ),
    Route(
        method="GET",
        path=_ONE,
        area=AREA,
        role=Role.VIEWER,
        handler=show_list,
        summary="One list, with what could not be read of it",
        query=OneListQuery,
        answer=OneList,
        seconds=20.0,
        problems=(404, 503),
    ),
    Route(
        method="PATCH",
        path=_ONE,
        area=AREA,
        role=Role.OPERATOR,
        handler=change_list,
        summary="Switch a list off or on, or call it otherwise",
        body=ListChange,
        answer=ChangedList,
        seconds=20.0,
        problems=(404, 412, 503),
    ),
    Route(
        method="DELETE",
        path=_ONE,
        area=AREA,
        role=Role.OPERATOR,
        handler=remove_list,
        summary="Use a list no longer that was added",
        answer=ChangedList,
        seconds=20.0,
        problems=(404, 412, 503),
    ),
    Route(
        method="POST",
        path="/api/v1/lists/{key}/confirm",
        area=AREA,
        role=Role.OPERATOR,
        handler=confirm_list,
        summary="Use the text that was held back",
        answer=ChangedList,
        seconds=20.0,
        problems=(404, 409, 503),
    ),
)
