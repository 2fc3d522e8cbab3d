"""Clients: names and tags for addresses, which rules may ask for."""

# Annotations stay live objects here (no ``from __future__ import annotations``): msgspec reads them.
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from mirage_hole.api.v1 import configured
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.route import Call, Route

AREA = "clients"

Name = Annotated[
    str,
    Meta(min_length=1, max_length=64, description="What the client is called in rules.", examples=["Desk"]),
]
Addresses = Annotated[
    list[Annotated[str, Meta(max_length=64)]],
    Meta(min_length=1, max_length=100, description="Its addresses and networks.", examples=[["192.168.1.7"]]),
]
Tags = Annotated[
    list[Annotated[str, Meta(max_length=50)]],
    Meta(max_length=50, description="What rules may say it is.", examples=[["device_tv", "child"]]),
]


class Client(Struct, kw_only=True):
    """A client with a name."""

    name: str
    addresses: list[str]
    tags: list[str]
    origin: Annotated[str, Meta(description="stored, or the file and line.")]
    changeable: Annotated[bool, Meta(description="Whether it can be changed here.")]
    counts: Annotated[bool, Meta(description="false: the file has one of the same name, or it means nothing any more.")]


class ClientPage(Struct, kw_only=True):
    """All of them: those of the configuration file first."""

    clients: list[Client]


class NewClient(Struct, kw_only=True, forbid_unknown_fields=True):
    """One to add."""

    name: Name
    addresses: Addresses
    tags: Tags = []


class ClientChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What should be different; what is left out stays."""

    name: Name | UnsetType = UNSET
    addresses: Addresses | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET


async def list_clients(call: Call[None, None]) -> ClientPage:
    """Those of the configuration file can only be changed there."""
    return ClientPage(clients=[Client(**row) for row in await configured.listed(call, "clients")])


async def show_client(call: Call[None, None]) -> Client:
    """With an ETag, for ``If-Match``."""
    return Client(**await configured.found(call, "clients"))


async def add_client(call: Call[None, NewClient]) -> Client:
    """It counts at once."""
    row: dict[str, Any] = {**msgspec.structs.asdict(call.body)}
    return Client(**await configured.added(call, "clients", row))


async def change_client(call: Call[None, ClientChange]) -> Client:
    """It counts at once."""
    fields = configured.given(call.body, ClientChange.__struct_fields__)
    return Client(**await configured.edited(call, "clients", fields))


async def remove_client(call: Call[None, None]) -> None:
    """The audit log can bring it back."""
    await configured.removed(call, "clients")


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/clients",
        area=AREA,
        role=Role.VIEWER,
        handler=list_clients,
        summary="All clients with a name",
        answer=ClientPage,
        problems=(503,),
    ),
    Route(
        method="POST",
        path="/api/v1/clients",
        area=AREA,
        role=Role.OPERATOR,
        handler=add_client,
        summary="Add a client",
        body=NewClient,
        answer=Client,
        status=201,
        problems=(409, 422, 503),
    ),
    Route(
        method="GET",
        path="/api/v1/clients/{name}",
        area=AREA,
        role=Role.VIEWER,
        handler=show_client,
        summary="One client",
        answer=Client,
        problems=(404, 503),
    ),
    Route(
        method="PATCH",
        path="/api/v1/clients/{name}",
        area=AREA,
        role=Role.OPERATOR,
        handler=change_client,
        summary="Change a client",
        body=ClientChange,
        answer=Client,
        problems=(404, 409, 412, 422, 503),
    ),
    Route(
        method="DELETE",
        path="/api/v1/clients/{name}",
        area=AREA,
        role=Role.OPERATOR,
        handler=remove_client,
        summary="Remove a client",
        status=204,
        problems=(404, 412, 422, 503),
    ),
)
