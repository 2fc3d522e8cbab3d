"""Local records: names that this server answers itself."""

# Annotations stay live objects here (no ``from __future__ import annotations``): msgspec reads them.
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from mirage_hole.api.v1 import configured
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.route import Call, Route

AREA = "records"

Name = Annotated[
    str,
    Meta(min_length=1, max_length=1024, description="The name; `*.` in front: all below it.", examples=["nas.lan"]),
]
Type = Annotated[str, Meta(min_length=1, max_length=16, description="A, AAAA, CNAME, TXT, ...", examples=["A"])]
Value = Annotated[
    str, Meta(min_length=1, max_length=8192, description="The data, as zone files have it.", examples=["192.168.1.5"])
]
Ttl = Annotated[
    Annotated[float, Meta(ge=0, le=604800)] | Annotated[str, Meta(max_length=20)],
    Meta(description="A time such as 60 or 1h; empty: as `local.ttl` says.", examples=["1h"]),
]
Networks = Annotated[
    list[Annotated[str, Meta(max_length=64)]],
    Meta(max_length=100, description="The clients that get it; none: all.", examples=[["192.168.0.0/16"]]),
]


class Record(Struct, kw_only=True):
    """A record of this server."""

    number: Annotated[int | None, Meta(description="null: it is in the configuration file.")]
    name: str
    type: str
    value: str
    ttl: float | str
    networks: list[str]
    origin: Annotated[str, Meta(description="stored, or the file and line.")]
    changeable: Annotated[bool, Meta(description="Whether it can be changed here.")]
    counts: Annotated[bool, Meta(description="false: the file has one of the same name, or it means nothing any more.")]


class RecordPage(Struct, kw_only=True):
    """All of them: those of the configuration file first."""

    records: list[Record]


class NewRecord(Struct, kw_only=True, forbid_unknown_fields=True):
    """One to add."""

    name: Name
    type: Type
    value: Value
    ttl: Ttl = ""
    networks: Networks = []


class RecordChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What should be different; what is left out stays."""

    name: Name | UnsetType = UNSET
    type: Type | UnsetType = UNSET
    value: Value | UnsetType = UNSET
    ttl: Ttl | UnsetType = UNSET
    networks: Networks | UnsetType = UNSET


async def list_records(call: Call[None, None]) -> RecordPage:
    """Those of the configuration file can only be changed there."""
    return RecordPage(records=[Record(**row) for row in await configured.listed(call, "records")])


async def show_record(call: Call[None, None]) -> Record:
    """With an ETag, for ``If-Match``."""
    return Record(**await configured.found(call, "records"))


async def add_record(call: Call[None, NewRecord]) -> Record:
    """It counts at once."""
    row: dict[str, Any] = {"number": None, **msgspec.structs.asdict(call.body)}
    return Record(**await configured.added(call, "records", row))


async def change_record(call: Call[None, RecordChange]) -> Record:
    """It counts at once."""
    fields = configured.given(call.body, RecordChange.__struct_fields__)
    return Record(**await configured.edited(call, "records", fields))


async def remove_record(call: Call[None, None]) -> None:
    """The audit log can bring it back."""
    await configured.removed(call, "records")


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/records",
        area=AREA,
        role=Role.VIEWER,
        handler=list_records,
        summary="All local records",
        answer=RecordPage,
        problems=(503,),
    ),
    Route(
        method="POST",
        path="/api/v1/records",
        area=AREA,
        role=Role.OPERATOR,
        handler=add_record,
        summary="Add a record",
        body=NewRecord,
        answer=Record,
        status=201,
        problems=(409, 422, 503),
    ),
    Route(
        method="GET",
        path="/api/v1/records/{number}",
        area=AREA,
        role=Role.VIEWER,
        handler=show_record,
        summary="One record",
        answer=Record,
        problems=(404, 503),
    ),
    Route(
        method="PATCH",
        path="/api/v1/records/{number}",
        area=AREA,
        role=Role.OPERATOR,
        handler=change_record,
        summary="Change a record",
        body=RecordChange,
        answer=Record,
        problems=(404, 409, 412, 422, 503),
    ),
    Route(
        method="DELETE",
        path="/api/v1/records/{number}",
        area=AREA,
        role=Role.OPERATOR,
        handler=remove_record,
        summary="Remove a record",
        status=204,
        problems=(404, 412, 422, 503),
    ),
)
