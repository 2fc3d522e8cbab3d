"""The whole state as one document: read it, and make the running server equal to one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from msgspec import Meta, Struct

from mirage_hole import __version__
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.config.document import MAX_DOCUMENT, write_json, write_toml

if TYPE_CHECKING:
    from aiohttp import web

    from mirage_hole.config.document import Document

TOML = "application/toml"
_HEADING = """The state of Mirage Hole {version}, exported at {at}.
`mirage-hole apply FILE` makes a running server equal to it, and shows the difference first.
A part that is not mentioned here is left as it is; PART = [] means that there are none."""


class Row(Struct, kw_only=True):
    """One thing that is to be different."""

    part: Annotated[
        str, Meta(description="Of the document: rule, list, switch, client, record, group, route, user or settings.")
    ]
    title: Annotated[str, Meta(description="What it is called.")]
    before: Annotated[dict[str, Any] | None, Meta(description="As it is; null: there is none yet.")]
    after: Annotated[dict[str, Any] | None, Meta(description="As it is to be; null: it goes.")]
    changed: Annotated[list[str], Meta(description="Fields that are different, when it is there before and after.")]


class Plan(Struct, kw_only=True):
    """What makes the server equal to a document."""

    steps: list[Row]
    left_alone: Annotated[list[str], Meta(description="Parts that the document does not mention.")]
    restart: Annotated[list[str], Meta(description="Settings among them that count from the next start on.")]
    applied: Annotated[bool, Meta(description="False: nothing was done, as was asked.")]
    audit: Annotated[int | None, Meta(description="Number in the audit log, for an undo; null when nothing changed.")]


class DocumentPart(Protocol):
    """Reads and writes the state. Each method raises :class:`mirage_hole.api.problems.Refusal` for what it does not do."""

    async def export(self, *, accounts: bool) -> Document:
        """All there is."""

    async def plan(self, data: bytes) -> Plan:
        """What would happen."""

    async def apply(self, data: bytes, who: str) -> Plan:
        """Make it so; all or nothing."""


class ExportQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """How a document is wished for."""

    format: Literal["toml", "json"] = "toml"
    accounts: Annotated[
        bool,
        Meta(description="With users and the hashes of their passwords. Whoever has those can try to guess passwords."),
    ] = False


class ApplyBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """A document."""

    text: Annotated[
        str,
        Meta(
            max_length=MAX_DOCUMENT,
            description="TOML, or JSON of the same form.",
            examples=["version = 1\nrule = []\n"],
        ),
    ]
    dry_run: Annotated[bool, Meta(description="Only say what would happen.")] = False


async def export(call: Call[ExportQuery, None]) -> web.Response:
    """Everything that was changed while the server ran: settings, lists, rules, clients, records, groups and routes. What the
    configuration file, variables and flags say is not in it. It may hold passwords, such as those in the addresses of lists.
    """
    from aiohttp import web  # late: the control plane has these shapes before it needs a web framework

    document = await needed(call.parts.document, "state").export(accounts=call.query.accounts)
    if call.query.format == "json":
        body, media = write_json(document), "application/json"
    else:
        heading = _HEADING.format(version=__version__, at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
        body, media = write_toml(document, heading), TOML
    name = f'attachment; filename="mirage-hole.{call.query.format}"'
    return web.Response(body=body, headers={"Content-Type": media, "Content-Disposition": name})


async def apply(call: Call[None, ApplyBody]) -> Plan:
    """Make the running server equal to a document, in one transaction that is one row of the audit log. What it does not mention
    is left as it is. The same document again changes nothing. Users are never removed by it, and a wrong entry changes nothing at all.
    """
    part = needed(call.parts.document, "state")
    data = call.body.text.encode()
    return await (part.plan(data) if call.body.dry_run else part.apply(data, call.who.name))


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/document",
        area="document",
        role=Role.ADMIN,
        handler=export,
        summary="The state as one document",
        query=ExportQuery,
        media=f"{TOML}, application/json",
        seconds=60.0,
    ),
    Route(
        method="PUT",
        path="/api/v1/document",
        area="document",
        role=Role.ADMIN,
        handler=apply,
        summary="Make the server equal to a document",
        body=ApplyBody,
        answer=Plan,
        problems=(409, 422),
        max_body=2 * MAX_DOCUMENT,
        seconds=60.0,
    ),
)
