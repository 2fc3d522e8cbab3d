"""What the last update of a list has added and removed."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.lists import AREA
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Time


class ListVersion(Struct, kw_only=True):
    """One version of a list."""

    at: Annotated[Time, Meta(description="Since when it is, or was, in use.")]
    rules: int


class ChangedLine(Struct, kw_only=True):
    """A rule that only one version has."""

    line: Annotated[int, Meta(description="Where it stands in that version.")]
    rule: str


class ListChanges(Struct, kw_only=True):
    """What the last update of a list has added and removed. Another order, format or spelling is no change."""

    ready: Annotated[bool, Meta(description="False: a large list is still being compared; ask again.")]
    before: Annotated[ListVersion | None, Meta(description="null: it has not changed since it was first read.")]
    after: Annotated[ListVersion | None, Meta(description="null: it is not compiled yet.")]
    added_count: int
    removed_count: int
    added: Annotated[list[ChangedLine], Meta(description="The first of them, at most 100.")]
    removed: Annotated[list[ChangedLine], Meta(description="The first of them, at most 100.")]


async def show_changes(call: Call[None, None]) -> ListChanges:
    """The newest version compared with the one before it, by what their rules say."""
    found = await needed(call.parts.lists, "lists that can be changed").changes(call.path["key"])
    if found is None:
        return ListChanges(ready=False, before=None, after=None, added_count=0, removed_count=0, added=[], removed=[])
    before, after = (ListVersion(**one) if one else None for one in (found["before"], found["after"]))
    return ListChanges(
        ready=True,
        before=before,
        after=after,
        added_count=found["added_count"],
        removed_count=found["removed_count"],
        added=[ChangedLine(**one) for one in found["added"]],
        removed=[ChangedLine(**one) for one in found["removed"]],
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/lists/{key}/changes",
        area=AREA,
        role=Role.VIEWER,
        handler=show_changes,
        summary="What the last update of a list has added and removed",
        answer=ListChanges,
        seconds=20.0,
        problems=(404, 503),
    ),
)
