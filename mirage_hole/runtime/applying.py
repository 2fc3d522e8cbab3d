"""Exports the state as a document, and makes the running server equal to one: judged whole, shown first, done in one transaction."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1.document import Plan, Row
from mirage_hole.config.document import PARTS, BadDocument, ListEntry, RuleEntry, UserEntry, read_document
from mirage_hole.lists.own import BadRule, read_own
from mirage_hole.runtime.documents import PART_OF, ROLES, Named, SameTwice, after, exported, steps_to
from mirage_hole.runtime.list_choices import RefusedList
from mirage_hole.runtime.own_rules import MAX_COMMENT, MAX_RULES
from mirage_hole.store import accounts
from mirage_hole.store.difference import take
from mirage_hole.store.state import Unwritable
from mirage_hole.store.tables import TABLES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from mirage_hole.config.document import Document
    from mirage_hole.config.problem import Problem
    from mirage_hole.store.changes import Change
    from mirage_hole.store.difference import Step
    from mirage_hole.store.state import StateStore
    from mirage_hole.store.tables import Row as StoredRow

_NUMBERS = {name: number for number, name in ROLES.items()}


class Server(Protocol):
    """The running server, as far as a document is about it."""

    def judge(self, tables: dict[str, list[StoredRow]]) -> tuple[list[Problem], list[str]]:
        """(what would be wrong with these rows, the settings among them that need a restart)."""

    def called(self, entry: ListEntry) -> Named:
        """What the state calls an added list.

        Raises:
            RefusedList: it is none.
        """

    async def take_over(self, touched: frozenset[str]) -> None:
        """Serve by what is different now in these tables."""


@dataclass(slots=True)
class _Wanted:
    """A document, judged."""

    steps: list[Step]
    users: list[tuple[UserEntry, accounts.User | None]]
    left_alone: list[str]
    restart: list[str] = field(default_factory=list)


class Documents:
    """See :class:`mirage_hole.api.v1.document.DocumentPart`."""

    def __init__(self, store: StateStore, server: Server) -> None:
        self._store = store
        self._server = server
        self._one_at_a_time = asyncio.Lock()

    async def export(self, *, accounts: bool) -> Document:
        """All there is; ``accounts``: with users and the hashes of their passwords."""
        return await asyncio.to_thread(exported, self._store, accounts=accounts)

    async def plan(self, data: bytes) -> Plan:
        """What :meth:`apply` would do.

        Raises:
            Refusal: 422 with every problem of the document.
        """
        return _told(await asyncio.to_thread(self._judged, data), None, applied=False)

    async def apply(self, data: bytes, who: str) -> Plan:
        """Make it so; all or nothing.

        Raises:
            Refusal: as :meth:`plan`; 409 when something else was changed meanwhile; 503 when the disk does not take it.
        """
        async with self._one_at_a_time:
            wanted = await asyncio.to_thread(self._judged, data)
            if not wanted.steps and not wanted.users:
                return _told(wanted, None, applied=True)
            try:
                done = await asyncio.to_thread(
                    self._store.change, who, "apply", "the whole state", lambda change: _take(change, wanted)
                )
            except Unwritable as problem:
                raise Refusal(
                    503, f"The state can't be changed: {problem.strerror}.", headers={"Retry-After": "10"}
                ) from None
            except accounts.AccountProblem as problem:
                raise Refusal(409, str(problem)) from None
            await self._server.take_over(done.touched)
            return _told(wanted, done.number, applied=True)

    def _judged(self, data: bytes) -> _Wanted:
        try:
            document = read_document(data)
        except BadDocument as bad:
            raise _refusal([_fault(one) for one in bad.problems]) from None
        faults = [*_rule_faults(document), *self._list_faults(document)]
        if faults:
            raise _refusal(faults)
        return self._store.read(lambda connection: self._compared(document, connection))

    def _list_faults(self, document: Document) -> list[Fault]:
        faults = []
        for number, entry in enumerate(document.get("list", ())):
            try:
                self._server.called(entry)
            except RefusedList as problem:
                faults.append(
                    Fault(f"list[{number}].source", str(problem), "the address of a list, a file or a catalogue name")
                )
        return faults

    def _compared(self, document: Document, connection: sqlite3.Connection) -> _Wanted:
        present = {table: self._store.rows(table) for table in TABLES}
        try:
            steps = steps_to(document, present, self._server.called, time.time())
        except SameTwice as twice:
            fault = Fault(
                f"{twice.part}[{twice.number}]", f"is about the same as {twice.part}[{twice.first}]", "one of them"
            )
            raise _refusal([fault]) from None
        problems, restart = self._server.judge(after(steps, present))
        users, faults = _users(document, connection)
        faults += [_fault(one) for one in problems]
        if faults:
            raise _refusal(faults)
        changed = {str(step.title) for step in steps if step.table == "settings"}
        left_alone = [part for part in PARTS if part not in document]
        return _Wanted(steps, users, left_alone, sorted(changed & set(restart)))


def _rule_faults(document: Document) -> list[Fault]:
    """What is wrong with the rules; those that are right are spelt as the state has them."""
    faults = []
    entries: list[RuleEntry] = document.get("rule", [])
    if len(entries) > MAX_RULES:
        return [Fault("rule", f"there are {len(entries)} of them", f"at most {MAX_RULES}")]
    for number, entry in enumerate(entries):
        if len(entry.comment) > MAX_COMMENT:
            faults.append(Fault(f"rule[{number}].comment", "is too long", f"at most {MAX_COMMENT} characters"))
        if entry.until is not None and entry.until.tzinfo is None:
            faults.append(Fault(f"rule[{number}].until", "has no time zone", "a time such as 2030-01-31T18:00:00Z"))
        try:
            entries[number] = msgspec.structs.replace(entry, text=read_own(entry.text.strip()).text)
        except BadRule as problem:
            faults.append(Fault(f"rule[{number}].text", str(problem), "a rule as docs/rules.md has them"))
    return faults


def _users(
    document: Document, connection: sqlite3.Connection
) -> tuple[list[tuple[UserEntry, accounts.User | None]], list[Fault]]:
    """(users that are to be different, each with how he is now; what is wrong with them)."""
    found: list[tuple[UserEntry, accounts.User | None]] = []
    faults = []
    seen: dict[str, int] = {}
    for number, entry in enumerate(document.get("user", ())):
        there = accounts.user_named(connection, entry.name)
        first = seen.setdefault(entry.name.casefold(), number)
        if first != number:
            faults.append(Fault(f"user[{number}]", f"is the same user as user[{first}]", "one of them"))
        elif entry.password_hash and not entry.password_hash.startswith("$argon2id$"):
            faults.append(
                Fault(f"user[{number}].password_hash", "is no hash by argon2id", "$argon2id$..., as an export has it")
            )
        elif there is None and not entry.password_hash:
            instead = f"an entry with password_hash, or first: mirage-hole user add {entry.name}"
            faults.append(
                Fault(f"user[{number}]", "there is no such user, and without a password there can't be", instead)
            )
        elif there is None or _NUMBERS[entry.role] != there.role or entry.password_hash not in {"", there.password}:
            found.append((entry, there))
    return found, faults


def _take(change: Change, wanted: _Wanted) -> None:
    take(change, wanted.steps)
    for entry, there in wanted.users:
        role = _NUMBERS[entry.role]
        if there is None:
            from secrets import token_bytes

            accounts.add_user(change.connection, entry.name, role, entry.password_hash, token_bytes(32), time.time())
            continue
        if there.role != role:
            accounts.set_role(change.connection, entry.name, role)
        if entry.password_hash not in {"", there.password}:
            accounts.set_password(change.connection, entry.name, entry.password_hash)
    if wanted.users:
        before, _ = change.told()
        named = [entry.name for entry, _ in wanted.users]
        change.note(before, {"users": named, "steps": [f"{PART_OF[one.table]} {one.title}" for one in wanted.steps]})


def _told(wanted: _Wanted, number: int | None, *, applied: bool) -> Plan:
    rows = [
        Row(
            part=PART_OF[step.table],
            title=step.title,
            before=_shown(step.before),
            after=_shown(step.after),
            changed=list(step.changed),
        )
        for step in wanted.steps
    ]
    rows += [
        Row(
            part="user",
            title=entry.name,
            before=None if there is None else {"role": ROLES[there.role]},
            after={"role": entry.role},
            changed=[]
            if there is None
            else [
                *(["role"] if ROLES[there.role] != entry.role else []),
                *(["password"] if entry.password_hash not in {"", there.password} else []),
            ],
        )
        for entry, there in wanted.users
    ]
    return Plan(steps=rows, left_alone=wanted.left_alone, restart=wanted.restart, applied=applied, audit=number)


def _shown(row: StoredRow | None) -> dict[str, Any] | None:
    return None if row is None else {name: value for name, value in row.items() if name not in {"number", "created"}}


def _refusal(faults: Sequence[Fault]) -> Refusal:
    count = len(faults)
    said = "a problem" if count == 1 else f"{count} problems"
    return Refusal(422, f"The document has {said}; nothing was changed.", list(faults)[:100])


def _fault(problem: Problem) -> Fault:
    where = f"{problem.setting} ({problem.origin})" if str(problem.origin) != "default" else problem.setting
    return Fault(where, problem.problem, problem.instead)
