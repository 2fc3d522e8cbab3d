"""Exports the state as a document, and makes the running server equal to one: judged whole, shown first, done in one transaction."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1.changes import Overruled, WrongState
from mirage_hole.api.v1.document import Plan, Row
from mirage_hole.api.v1.settings import HIDDEN, NEEDS_RESTART, is_secret
from mirage_hole.config.document import PARTS, BadDocument, ListEntry, RuleEntry, UserEntry, read_document
from mirage_hole.config.raw import settings
from mirage_hole.config.stored import NEVER
from mirage_hole.lists.own import BadRule, read_own
from mirage_hole.runtime.documents import PART_OF, ROLES, Named, SameTwice, exported, steps_to
from mirage_hole.runtime.effective_lists import AddedList, names_of
from mirage_hole.runtime.list_choices import RefusedList, checked
from mirage_hole.runtime.own_rules import MAX_COMMENT, MAX_RULES
from mirage_hole.store import accounts, credentials
from mirage_hole.store.difference import take
from mirage_hole.store.tables import TABLES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from mirage_hole.config.document import Document
    from mirage_hole.config.load import Loaded
    from mirage_hole.config.problem import Problem
    from mirage_hole.config.settled import Settled
    from mirage_hole.runtime.state_changes import StateChanges
    from mirage_hole.store.changes import Change
    from mirage_hole.store.difference import Step
    from mirage_hole.store.state import Done
    from mirage_hole.store.tables import Row as StoredRow

MAX_FAULTS = 100
_NUMBERS = {name: number for number, name in ROLES.items()}


@dataclass(slots=True)
class _Wanted:
    """A document, judged."""

    steps: list[Step]
    users: list[tuple[UserEntry, accounts.User | None]]
    left_alone: list[str]


class _Enough(Exception):  # noqa: N818 - no error: only looking ends so, and nothing is changed
    """What would happen is known."""


class Documents:
    """See :class:`mirage_hole.api.v1.document.DocumentPart`."""

    def __init__(self, changes: StateChanges, settled: Callable[[], Settled]) -> None:
        """``settled``: the settings as they are."""
        self._changes = changes
        self._settled = settled

    async def export(self, *, accounts: bool) -> Document:
        """All there is; ``accounts``: with users and the hashes of their passwords.

        Raises:
            Refusal: 503: the state can't be read.
        """
        try:
            return await asyncio.to_thread(exported, self._changes.store, accounts=accounts)
        except OSError as problem:
            raise Refusal(503, f"The state can't be read: {problem.strerror or problem}.") from None

    async def plan(self, data: bytes) -> Plan:
        """What :meth:`apply` would do.

        Raises:
            Refusal: as :meth:`apply`.
        """
        wanted, _ = await self._run(data, "", looking=True)
        return _told(wanted, None, applied=False)

    async def apply(self, data: bytes, who: str) -> Plan:
        """Make it so; all or nothing.

        Raises:
            Refusal: 422 with every problem of the document; 409: something of it is said by a flag, a variable or the
                file, and that counts; 503: the disk does not take it.
        """
        wanted, number = await self._run(data, who, looking=False)
        return _told(wanted, number, applied=True)

    async def _run(self, data: bytes, who: str, *, looking: bool) -> tuple[_Wanted, int | None]:
        document, called = await asyncio.to_thread(self._read, data)
        reading = await self._changes.look()
        found: list[_Wanted] = []

        def work(change: Change) -> None:
            wanted = _compared(document, change, called)
            _check_places(wanted.steps, reading.loaded)
            found[:] = [wanted]
            _take(change, wanted)

        def do(check: Callable[[Change], object]) -> Done[None]:
            def all_of_it(change: Change) -> None:
                work(change)
                check(change)
                if looking:
                    raise _Enough

            return self._changes.store.change(who, "apply", "a document", all_of_it)

        try:
            done = (await self._changes.run(do)).done
        except _Enough:
            return found[0], None
        except Overruled as problem:
            raise Refusal(409, f"{problem}.") from None
        except WrongState as problem:
            _refuse([_fault(one) for one in problem.problems])
        except accounts.AccountProblem as problem:
            raise Refusal(409, str(problem)) from None
        except OSError as problem:
            why = problem.strerror or str(problem)
            raise Refusal(503, f"Nothing can be changed for now: {why}.", headers={"Retry-After": "30"}) from None
        return found[0], done.number

    def _read(self, data: bytes) -> tuple[Document, Callable[[ListEntry], Named]]:
        """(the document, what the state calls its lists)."""
        from mirage_hole.sources.catalogue import load_catalogue

        try:
            document = read_document(data)
        except BadDocument as bad:
            _refuse([_fault(one) for one in bad.problems])
        catalogue, settled = load_catalogue(), self._settled()
        name_of = names_of(catalogue)
        names: dict[ListEntry, Named] = {}
        faults = _rule_faults(document)
        for number, entry in enumerate(document.get("list", ())):
            added = AddedList(entry.source, entry.kind, entry.title, entry.format)
            try:
                source = checked(added, settled, catalogue)
            except RefusedList as problem:
                instead = "the address of a list, a file or a catalogue name"
                faults.append(Fault(f"list[{number}]", str(problem), instead))
            else:
                names[entry] = Named(name_of(source), entry.source)
        if faults:
            _refuse(faults)
        return document, names.__getitem__


def _compared(document: Document, change: Change, called: Callable[[ListEntry], Named]) -> _Wanted:
    present = {table: change.rows(table) for table in TABLES}
    try:
        steps = steps_to(document, present, called, time.time())
    except SameTwice as twice:
        what = f"is about the same as {twice.part}[{twice.first}]"
        _refuse([Fault(f"{twice.part}[{twice.number}]", what, "one of them")])
    users, faults = _users(document, change.connection)
    if faults:
        _refuse(faults)
    return _Wanted(steps, users, [part for part in PARTS if part not in document])


def _check_places(steps: Sequence[Step], loaded: Loaded) -> None:
    """What a flag, a variable or the file says can't be said by a document, nor what can't be stored at all.

    Raises:
        Refusal: 422 for settings that there are not, 409 with every place where others are said.
    """
    wanted = [step.title for step in steps if step.table == "settings" and step.after is not None]
    unknown = [
        Fault(f"settings.{path}", "is no setting", "a setting of docs/configuration.md")
        for path in wanted
        if path not in settings()
    ]
    unknown += [
        Fault(f"settings.{path}", f"can't be stored: {NEVER[path]}", "it in the configuration file")
        for path in wanted
        if path in NEVER
    ]
    if unknown:
        _refuse(unknown)
    faults = []
    for path in wanted:
        origin = loaded.origin(path)
        if origin.kind in {"flag", "environment", "file"}:
            faults.append(
                Fault(f"settings.{path}", f"is said by {origin}, and that counts", "it there, or leave it out")
            )
    if faults:
        raise Refusal(409, "Something of the document is said elsewhere; nothing was changed.", faults[:MAX_FAULTS])


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
        elif there is None and not _may_be_called(entry.name):
            instead = f"at most {accounts.MAX_NAME} letters, digits and . _ @ + -; {', '.join(sorted(accounts.RESERVED))} mean something else"
            faults.append(Fault(f"user[{number}].name", f"{entry.name[:80]!r} can't be a user's name", instead))
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


def _may_be_called(name: str) -> bool:
    """Whether a new user may have that name, as at ``POST /api/v1/users``."""
    known = len(name) <= accounts.MAX_NAME and re.fullmatch(accounts.NAME, name, re.ASCII)
    return bool(known) and name.casefold() not in accounts.RESERVED


def _take(change: Change, wanted: _Wanted) -> None:
    take(change, wanted.steps)
    for entry, there in wanted.users:
        role = _NUMBERS[entry.role]
        if there is None:
            handle = secrets.token_bytes(32)
            accounts.add_user(change.connection, entry.name, role, entry.password_hash, handle, time.time())
            continue
        if there.role != role:
            accounts.set_role(change.connection, entry.name, role)
        if entry.password_hash not in {"", there.password}:
            accounts.set_password(change.connection, entry.name, entry.password_hash)
        credentials.end_sessions(change.connection, entry.name)
    if wanted.users:
        before, after = change.told()
        change.note(before, {"users": [entry.name for entry, _ in wanted.users], "changes": after})


def _told(wanted: _Wanted, number: int | None, *, applied: bool) -> Plan:
    rows = [
        Row(
            part=PART_OF[step.table],
            title=step.title,
            before=_shown(step, step.before),
            after=_shown(step, step.after),
            changed=list(step.changed),
        )
        for step in wanted.steps
    ]
    for entry, there in wanted.users:
        before = None if there is None else {"role": ROLES[there.role]}
        changed = []
        if there is not None:
            changed += ["role"] if ROLES[there.role] != entry.role else []
            changed += ["password"] if entry.password_hash not in {"", there.password} else []
        rows.append(Row(part="user", title=entry.name, before=before, after={"role": entry.role}, changed=changed))
    restart = sorted({step.title for step in wanted.steps if step.table == "settings"} & NEEDS_RESTART.keys())
    return Plan(steps=rows, left_alone=wanted.left_alone, restart=restart, applied=applied, audit=number)


def _shown(step: Step, row: StoredRow | None) -> dict[str, Any] | None:
    if row is None:
        return None
    shown = {name: value for name, value in row.items() if name not in {"number", "created"}}
    if step.table == "settings" and is_secret(step.title):
        shown["value"] = HIDDEN
    return shown


def _refuse(faults: Sequence[Fault]) -> NoReturn:
    count = len(faults)
    said = "a problem" if count == 1 else f"{count} problems"
    raise Refusal(422, f"The document has {said}; nothing was changed.", list(faults)[:MAX_FAULTS])


def _fault(problem: Problem) -> Fault:
    place = str(problem.origin)
    where = f"{problem.setting} ({place})" if problem.origin.kind == "file" else problem.setting
    return Fault(where, problem.problem, problem.instead.removeprefix("write "))
