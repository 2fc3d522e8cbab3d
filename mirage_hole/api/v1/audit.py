"""The audit log: every change of the state, who made it, and taking it back."""

# Annotations stay live objects here (no ``from __future__ import annotations``): msgspec reads them.
import asyncio
from typing import Annotated, Any

from msgspec import Meta, Struct

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1.changes import Overruled, WrongState, changes_of, refuse
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.sources.masking import masked
from mirage_hole.store.audit import CantUndo, Entry, entries, entry

AREA = "audit"
OPERATORS = frozenset({"rules", "lists", "list_switches", "clients", "records"})
"""Tables that an operator may change, and so change back."""

Moment = Annotated[float, Meta(ge=0, le=1e12, description="Seconds since the epoch.")]
Number = Annotated[int, Meta(ge=0, le=2**53, description="Only those of a smaller number.")]


class AuditQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which changes."""

    who: Annotated[str, Meta(max_length=64, description="Made by this one: a user, or local.")] = ""
    what: Annotated[str, Meta(max_length=64, description="Of this kind.", examples=["add rules"])] = ""
    target: Annotated[str, Meta(max_length=200, description="This somewhere in what it is about.")] = ""
    since: Moment | None = None
    until: Moment | None = None
    limit: Annotated[int, Meta(ge=1, le=500, description="How many on a page.")] = 50
    below: Number | None = None


class AuditEntry(Struct, kw_only=True):
    """One change."""

    number: int
    at: Annotated[float, Meta(description="Seconds since the epoch.")]
    who: str
    what: str
    target: str
    before: Annotated[
        Any,
        Meta(description="Table to key to row, null for one that was not there. Passwords and tokens are left out."),
    ]
    after: Any
    undoes: Annotated[int | None, Meta(description="The change that this one took back.")]
    revertible: Annotated[bool, Meta(description="Whether it can be undone, if nothing has changed since.")]


class AuditPage(Struct, kw_only=True):
    """Some changes, the newest first."""

    changes: list[AuditEntry]
    next: Annotated[int | None, Meta(description="Give it as `below` for the next page; null: this was the last.")]


class Undone(Struct, kw_only=True):
    """What came of an undo."""

    undone: Annotated[int, Meta(description="The change that was taken back.")]
    number: Annotated[int | None, Meta(description="The change that this is itself.")]
    tables: Annotated[list[str], Meta(description="What is different now.")]


async def list_changes(call: Call[AuditQuery, None]) -> AuditPage:
    """The newest first. The last 20,000 are kept."""
    changes, query = changes_of(call), call.query
    try:
        found = await asyncio.to_thread(
            changes.store.read,
            lambda connection: entries(
                connection,
                limit=query.limit + 1,
                below=query.below,
                who=query.who,
                what=query.what,
                target=query.target,
                since=query.since,
                until=query.until,
            ),
        )
    except OSError as problem:
        refuse(problem)
    page = found[: query.limit]
    following = page[-1].number if len(found) > len(page) else None
    return AuditPage(changes=list(map(_shown, page)), next=following)


async def show_change(call: Call[None, None]) -> AuditEntry:
    """With all that was before and after."""
    return _shown(await _entry(call))


async def undo(call: Call[None, None]) -> Undone:
    """Bring back what was before it, if nothing of that has changed since (else 409 says what). Operators take back what they could
    change themselves: rules, lists, clients and records; the rest is for admins."""
    one = await _entry(call)
    if not one.tables <= OPERATORS and call.who.role < Role.ADMIN:
        fault = Fault("role", f"{call.who.name} is {call.who.role.name.lower()}", "somebody who is admin")
        raise Refusal(403, f"Undoing this ({', '.join(sorted(one.tables))}) needs the role admin.", [fault])
    try:
        changed = await changes_of(call).undo(one.number, call.who.name)
    except CantUndo as problem:
        faults = [Fault(since, "is not as this change left it", "the value by hand") for since in problem.since]
        raise Refusal(409, f"{problem}.", faults) from None
    except KeyError:
        raise _missing(one.number) from None
    except (WrongState, Overruled, OSError) as problem:
        refuse(problem)
    return Undone(undone=one.number, number=changed.done.number, tables=sorted(changed.done.touched))


async def _entry(call: Call[Any, Any]) -> Entry:
    number, store = int(call.path["number"]), changes_of(call).store
    try:
        found = await asyncio.to_thread(store.read, lambda connection: entry(connection, number))
    except OSError as problem:
        refuse(problem)
    if found is None:
        raise _missing(number)
    return found


def _missing(number: int) -> Refusal:
    return Refusal(404, f"There is no change {number}, or none any more.")


def _shown(one: Entry) -> AuditEntry:
    fields = one._asdict()
    return AuditEntry(**{**fields, "before": _masked(one.before), "after": _masked(one.after)})


def _masked(states: Any) -> Any:
    """The addresses of lists, here and in settings, may have passwords in them."""
    if isinstance(states, dict):
        return {key: _masked(value) for key, value in states.items()}
    if isinstance(states, list):
        return [_masked(value) for value in states]
    return masked(states) if isinstance(states, str) else states


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/audit",
        area=AREA,
        role=Role.OPERATOR,
        handler=list_changes,
        summary="Changes of the state",
        query=AuditQuery,
        answer=AuditPage,
        problems=(503,),
    ),
    Route(
        method="GET",
        path="/api/v1/audit/{number}",
        area=AREA,
        role=Role.OPERATOR,
        handler=show_change,
        summary="One change",
        answer=AuditEntry,
        problems=(404, 503),
    ),
    Route(
        method="POST",
        path="/api/v1/audit/{number}/undo",
        area=AREA,
        role=Role.OPERATOR,
        handler=undo,
        summary="Take a change back",
        answer=Undone,
        problems=(404, 409, 422, 503),
    ),
)
