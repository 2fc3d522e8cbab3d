"""Who is asked for which names: groups of upstreams, and routes to them."""

# Annotations stay live objects here (no ``from __future__ import annotations``): msgspec reads them.
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from mirage_hole.api.v1 import configured
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.route import Call, Route

AREA = "upstreams"

Name = Annotated[str, Meta(min_length=1, max_length=64, description="What routes call it.", examples=["office"])]
Group = Annotated[str, Meta(max_length=64, description="The name of a group; empty: none.", examples=["office"])]
Servers = Annotated[
    list[Annotated[str, Meta(max_length=100)]],
    Meta(max_length=100, description="Resolvers, in the order of preference.", examples=[["10.0.0.1", "[fd00::1]:53"]]),
]
Strategy = Annotated[
    Literal["fastest", "weighted", "parallel", "strict", "hedged"], Meta(description="Which of them is asked.")
]
Checked = Annotated[bool, Meta(description="Check the signatures of their answers here.")]
Domains = Annotated[
    list[Annotated[str, Meta(max_length=1024)]],
    Meta(
        min_length=1,
        max_length=1000,
        description="Domains with all below them, networks for their reverse zones, or unqualified.",
        examples=[["corp.example", "10.0.0.0/8"]],
    ),
]


class UpstreamGroup(Struct, kw_only=True):
    """Resolvers that stand for each other."""

    name: str
    servers: list[str]
    strategy: str
    dnssec: bool
    fallback: str
    origin: Annotated[str, Meta(description="stored, or the file and line.")]
    changeable: Annotated[bool, Meta(description="Whether it can be changed here.")]
    counts: Annotated[bool, Meta(description="false: the file has one of the same name, or it means nothing any more.")]


class GroupPage(Struct, kw_only=True):
    """All of them: those of the configuration file first."""

    groups: list[UpstreamGroup]


class NewGroup(Struct, kw_only=True, forbid_unknown_fields=True):
    """One to add."""

    name: Name
    servers: Servers
    strategy: Strategy = "fastest"
    dnssec: Checked = False
    fallback: Group = ""


class GroupChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What should be different; what is left out stays."""

    name: Name | UnsetType = UNSET
    servers: Servers | UnsetType = UNSET
    strategy: Strategy | UnsetType = UNSET
    dnssec: Checked | UnsetType = UNSET
    fallback: Group | UnsetType = UNSET


async def list_groups(call: Call[None, None]) -> GroupPage:
    """Those of the configuration file can only be changed there."""
    return GroupPage(groups=[UpstreamGroup(**row) for row in await configured.listed(call, "groups")])


async def show_group(call: Call[None, None]) -> UpstreamGroup:
    """With an ETag, for ``If-Match``."""
    return UpstreamGroup(**await configured.found(call, "groups"))


async def add_group(call: Call[None, NewGroup]) -> UpstreamGroup:
    """It counts at once."""
    row: dict[str, Any] = {**msgspec.structs.asdict(call.body)}
    return UpstreamGroup(**await configured.added(call, "groups", row))


async def change_group(call: Call[None, GroupChange]) -> UpstreamGroup:
    """It counts at once."""
    fields = configured.given(call.body, GroupChange.__struct_fields__)
    return UpstreamGroup(**await configured.edited(call, "groups", fields))


async def remove_group(call: Call[None, None]) -> None:
    """The audit log can bring it back."""
    await configured.removed(call, "groups")


class ForwardRoute(Struct, kw_only=True):
    """Names that are asked of others than the rest is."""

    number: Annotated[int | None, Meta(description="null: it is in the configuration file.")]
    domains: list[str]
    group: str
    servers: list[str]
    fallback: str
    origin: Annotated[str, Meta(description="stored, or the file and line.")]
    changeable: Annotated[bool, Meta(description="Whether it can be changed here.")]
    counts: Annotated[bool, Meta(description="false: the file has one of the same name, or it means nothing any more.")]


class RoutePage(Struct, kw_only=True):
    """All of them: those of the configuration file first."""

    routes: list[ForwardRoute]


class NewRoute(Struct, kw_only=True, forbid_unknown_fields=True):
    """One to add."""

    domains: Domains
    group: Group = ""
    servers: Servers = []
    fallback: Group = ""


class RouteChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """What should be different; what is left out stays."""

    domains: Domains | UnsetType = UNSET
    group: Group | UnsetType = UNSET
    servers: Servers | UnsetType = UNSET
    fallback: Group | UnsetType = UNSET


async def list_routes(call: Call[None, None]) -> RoutePage:
    """Those of the configuration file can only be changed there."""
    return RoutePage(routes=[ForwardRoute(**row) for row in await configured.listed(call, "routes")])


async def show_route(call: Call[None, None]) -> ForwardRoute:
    """With an ETag, for ``If-Match``."""
    return ForwardRoute(**await configured.found(call, "routes"))


async def add_route(call: Call[None, NewRoute]) -> ForwardRoute:
    """It counts at once."""
    row: dict[str, Any] = {"number": None, **msgspec.structs.asdict(call.body)}
    return ForwardRoute(**await configured.added(call, "routes", row))


async def change_route(call: Call[None, RouteChange]) -> ForwardRoute:
    """It counts at once."""
    fields = configured.given(call.body, RouteChange.__struct_fields__)
    return ForwardRoute(**await configured.edited(call, "routes", fields))


async def remove_route(call: Call[None, None]) -> None:
    """The audit log can bring it back."""
    await configured.removed(call, "routes")


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/groups",
        area=AREA,
        role=Role.VIEWER,
        handler=list_groups,
        summary="All groups of upstreams",
        answer=GroupPage,
        problems=(503,),
    ),
    Route(
        method="POST",
        path="/api/v1/groups",
        area=AREA,
        role=Role.ADMIN,
        handler=add_group,
        summary="Add a group",
        body=NewGroup,
        answer=UpstreamGroup,
        status=201,
        problems=(409, 422, 503),
    ),
    Route(
        method="GET",
        path="/api/v1/groups/{name}",
        area=AREA,
        role=Role.VIEWER,
        handler=show_group,
        summary="One group",
        answer=UpstreamGroup,
        problems=(404, 503),
    ),
    Route(
        method="PATCH",
        path="/api/v1/groups/{name}",
        area=AREA,
        role=Role.ADMIN,
        handler=change_group,
        summary="Change a group",
        body=GroupChange,
        answer=UpstreamGroup,
        problems=(404, 409, 412, 422, 503),
    ),
    Route(
        method="DELETE",
        path="/api/v1/groups/{name}",
        area=AREA,
        role=Role.ADMIN,
        handler=remove_group,
        summary="Remove a group",
        status=204,
        problems=(404, 412, 422, 503),
    ),
    Route(
        method="GET",
        path="/api/v1/routes",
        area=AREA,
        role=Role.VIEWER,
        handler=list_routes,
        summary="All routes",
        answer=RoutePage,
        problems=(503,),
    ),
    Route(
        method="POST",
        path="/api/v1/routes",
        area=AREA,
        role=Role.ADMIN,
        handler=add_route,
        summary="Add a route",
        body=NewRoute,
        answer=ForwardRoute,
        status=201,
        problems=(409, 422, 503),
    ),
    Route(
        method="GET",
        path="/api/v1/routes/{number}",
        area=AREA,
        role=Role.VIEWER,
        handler=show_route,
        summary="One route",
        answer=ForwardRoute,
        problems=(404, 503),
    ),
    Route(
        method="PATCH",
        path="/api/v1/routes/{number}",
        area=AREA,
        role=Role.ADMIN,
        handler=change_route,
        summary="Change a route",
        body=RouteChange,
        answer=ForwardRoute,
        problems=(404, 409, 412, 422, 503),
    ),
    Route(
        method="DELETE",
        path="/api/v1/routes/{number}",
        area=AREA,
        role=Role.ADMIN,
        handler=remove_route,
        summary="Remove a route",
        status=204,
        problems=(404, 412, 422, 503),
    ),
)
