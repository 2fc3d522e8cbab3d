"""What needs attention, who is told of it, and a test of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from msgspec import Meta, Struct

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.parts import needed
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.api.v1.shapes import Time

if TYPE_CHECKING:
    from mirage_hole.observe.devices import Device
    from mirage_hole.observe.notices import Notice
    from mirage_hole.observe.outbox import Outbox

AREA = "notifications"


class TargetView(Protocol):
    """How a target does."""

    @property
    def outbox(self) -> Outbox: ...
    @property
    def error(self) -> str: ...
    @property
    def delivered_at(self) -> float | None: ...


class Notifications(Protocol):
    """:class:`mirage_hole.runtime.notifications.NotificationService`."""

    def notices(self) -> tuple[list[Notice], list[Notice]]:
        """Open and closed."""

    def dismiss(self, number: int, who: str) -> Notice | None:
        """None: there is no open one of this number."""

    def targets(self) -> list[tuple[dict[str, object], Any]]:
        """Settings with secrets masked, and a :class:`TargetView`."""

    async def test(self, name: str) -> tuple[bool, str] | None:
        """None: there is no such target."""

    def devices(self) -> list[tuple[Device, str]]:
        """With their names."""

    def name_of(self, address: bytes) -> str:
        """Of 4 or 16 octets; empty when nobody says."""


class NoticeRow(Struct, kw_only=True):
    """Something that needs attention, or did."""

    number: int
    kind: Annotated[str, Meta(examples=["upstream-down"])]
    about: Annotated[str, Meta(description="The list, upstream or device; empty where there is only one.")]
    severity: Literal["info", "warning", "critical"]
    title: str
    text: str
    advice: Annotated[str, Meta(description="What to do; empty for nothing.")]
    since: Time
    closed: Annotated[float | None, Meta(description="Seconds since the epoch; null while it lasts.")]
    passing: Annotated[bool, Meta(description="It is about an event, and closes itself after a day.")]
    dismissed: Annotated[str, Meta(description="Who has dismissed it; empty for nobody.")]


class Notices(Struct, kw_only=True):
    """All that there are."""

    open: Annotated[list[NoticeRow], Meta(description="Newest first, dismissed ones last.")]
    closed: Annotated[list[NoticeRow], Meta(description="The last 200, newest first.")]


class TargetRow(Struct, kw_only=True):
    """Who is told."""

    name: str
    kind: Literal["webhook", "ntfy", "smtp"]
    url: Annotated[str, Meta(description="Without its path; empty for mail.")]
    server: Annotated[str, Meta(description="Of mail; empty for others.")]
    to: list[str]
    signed: Annotated[bool, Meta(description="There is a secret, which signs what a webhook gets.")]
    password: Annotated[bool, Meta(description="There is a password or a token.")]
    events: list[str]
    every: Annotated[str, Meta(description="The least time between two messages about the same thing.")]
    waiting: Annotated[int, Meta(description="News that wait.")]
    delivered: Annotated[int, Meta(description="Messages since the start.")]
    dropped: Annotated[int, Meta(description="News that were given up since the start.")]
    delivered_at: Annotated[float | None, Meta(description="Seconds since the epoch.")]
    error: Annotated[str, Meta(description="Why the last delivery failed; empty when it did not.")]


class Targets(Struct, kw_only=True):
    """All of the settings."""

    targets: list[TargetRow]


class TestBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whom to send a test."""

    target: Annotated[str, Meta(min_length=1, max_length=64, description="Its name.", examples=["phone"])]


class Tested(Struct, kw_only=True):
    """What became of it."""

    delivered: bool
    said: Annotated[
        str, Meta(description="What the server said, or what went wrong; at most 200 characters of others.")
    ]


async def show(call: Call[None, None]) -> Notices:
    """What is open, and what was closed last."""
    opened, closed = needed(call.parts.notifications, "notices").notices()
    return Notices(open=[_row(one) for one in opened], closed=[_row(one) for one in closed])


async def dismiss(call: Call[None, None]) -> NoticeRow:
    """It needs no attention any more: a condition that lasts is marked, an event is closed."""
    number = int(call.path["number"])
    found = needed(call.parts.notifications, "notices").dismiss(number, call.who.name)
    if found is None:
        raise Refusal(404, f"There is no open notice {number}.")
    return _row(found)


async def targets(call: Call[None, None]) -> Targets:
    """Who is told of what, without their secrets, and how the last delivery went."""
    found = needed(call.parts.notifications, "notices").targets()
    return Targets(targets=[_target(settings, one) for settings, one in found])


async def test(call: Call[None, TestBody]) -> Tested:
    """Sends a message now and waits for at most ten seconds; what the target's server says is in the answer."""
    service = needed(call.parts.notifications, "notices")
    found = await service.test(call.body.target)
    if found is None:
        names = ", ".join(str(settings["name"]) for settings, _ in service.targets())
        fault = Fault("target", "there is no such target", f"one of {names}" if names else "a [[notify]] table first")
        raise Refusal(404, "There is no such target.", [fault])
    return Tested(delivered=found[0], said=found[1])


def _row(notice: Notice) -> NoticeRow:
    condition = notice.condition
    return NoticeRow(
        number=notice.number,
        kind=condition.kind,
        about=condition.about,
        severity=condition.severity,
        title=condition.title,
        text=condition.text,
        advice=condition.advice,
        since=notice.since,
        closed=notice.closed,
        passing=notice.passing,
        dismissed=notice.dismissed,
    )


def _target(settings: dict[str, Any], one: TargetView) -> TargetRow:
    return TargetRow(
        **{key: settings[key] for key in ("name", "kind", "url", "server", "every")},
        to=list(settings["to"]),
        events=list(settings["events"]),
        signed=bool(settings["secret"] or settings["secret_file"]),
        password=bool(settings["password"] or settings["password_file"]),
        waiting=len(one.outbox),
        delivered=one.outbox.delivered,
        dropped=one.outbox.dropped,
        delivered_at=one.delivered_at,
        error=one.error,
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/notices",
        area=AREA,
        role=Role.VIEWER,
        handler=show,
        summary="What needs attention",
        answer=Notices,
    ),
    Route(
        method="POST",
        path="/api/v1/notices/{number}/dismiss",
        area=AREA,
        role=Role.OPERATOR,
        handler=dismiss,
        summary="Dismiss a notice",
        answer=NoticeRow,
        problems=(404,),
    ),
    Route(
        method="GET",
        path="/api/v1/notifications/targets",
        area=AREA,
        role=Role.ADMIN,
        handler=targets,
        summary="Who is told",
        answer=Targets,
    ),
    Route(
        method="POST",
        path="/api/v1/notifications/test",
        area=AREA,
        role=Role.ADMIN,
        handler=test,
        summary="Send a test",
        body=TestBody,
        answer=Tested,
        problems=(404,),
        seconds=15.0,
    ),
)
