"""The running server becomes equal to a document: shown first, all or nothing, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mirage_hole.api.problems import Refusal
from mirage_hole.config.document import read_document, write_json, write_toml
from mirage_hole.config.read import read
from mirage_hole.config.stored import Stored
from mirage_hole.runtime.applying import Documents
from mirage_hole.runtime.state_changes import StateChanges
from mirage_hole.store import accounts, credentials
from mirage_hole.store.state import StateStore
from mirage_hole.store.stored import read_stored
from tests.config.machine import a_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mirage_hole.store.changes import Change

FULL = """
version = 1
settings.blocking = { mode = "nxdomain", ttl = 60 }
rule = [{ text = "||tracker.example^", comment = "TV" }, { text = "@@good.example", enabled = false }]
list = [{ source = "https://lists.example/a.txt", title = "A", enabled = false }]
switch = []
client = [{ name = "Ann", addresses = ["10.1.1.1/32"], tags = ["child"] }]
record = [{ name = "nas.lan", type = "A", value = "10.0.0.9", ttl = 300 }]
group = [{ name = "corp", servers = ["10.0.0.53"] }]
route = [{ domains = ["corp.example"], group = "corp" }]
"""
HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA"


class Server:
    """Settings from flags and the state; it notes what it has to follow."""

    def __init__(self, directory: Path, flags: dict[str, object] | None = None) -> None:
        self.directory = directory
        self.flags = flags or {}
        self.store = StateStore(directory)
        self.followed: list[str] = []
        self.changes = StateChanges(
            self.store,
            self.reading,
            settings=lambda settled: self.followed.append("settings"),
            lists=lambda: self.followed.append("lists"),
            rules=self._rules,
        )
        self.documents = Documents(self.changes, lambda: self.reading(None).settled)

    async def _rules(self) -> None:
        self.followed.append("rules")

    def reading(self, stored: Stored | None) -> Any:
        given = (lambda _: Stored(*read_stored(self.directory))) if stored is None else lambda _: stored
        return read(self.flags, {}, a_host(self.directory), stored=given, strict=stored is not None)

    async def apply(self, text: str) -> Any:
        return await self.documents.apply(text.encode(), "ada")

    def audit(self) -> int:
        return self.store.read(lambda connection: connection.execute("SELECT count(*) FROM audit").fetchone()[0])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    yield made
    made.store.close()


async def test_a_document_is_one_change_that_every_part_follows(server: Server) -> None:
    plan = await server.apply(FULL)
    assert (plan.applied, len(plan.steps), server.audit()) == (True, 10, 1)
    assert server.followed == ["settings", "lists", "rules"]
    assert server.reading(None).settled.block_mode == "nxdomain"


async def test_the_same_document_again_changes_nothing(server: Server) -> None:
    await server.apply(FULL)
    server.followed.clear()
    plan = await server.apply(FULL)
    assert (plan.steps, plan.audit, server.followed, server.audit()) == ([], None, [], 1)


@pytest.mark.parametrize("write", [write_toml, write_json])
async def test_an_export_makes_another_server_the_same(server: Server, tmp_path: Path, write: Any) -> None:
    await server.apply(FULL)
    text = write(await server.documents.export(accounts=False)).decode()
    (tmp_path / "other").mkdir()
    other = Server(tmp_path / "other")
    await other.apply(text)
    assert await other.documents.export(accounts=False) == await server.documents.export(accounts=False)
    assert (await server.apply(text)).steps == []
    other.store.close()


async def test_a_dry_run_tells_and_does_nothing(server: Server) -> None:
    plan = await server.documents.plan(FULL.encode())
    assert (plan.applied, len(plan.steps), plan.audit) == (False, 10, None)
    assert (server.followed, server.audit(), server.store.rows("rules")) == ([], 0, [])


async def test_an_undo_brings_all_of_it_back(server: Server) -> None:
    await server.apply(FULL)
    before = await server.documents.export(accounts=False)
    plan = await server.apply('version = 1\nrule = []\nclient = []\nsettings.blocking = { mode = "nodata" }\n')
    assert plan.audit is not None
    await server.changes.undo(plan.audit, "ada")
    assert await server.documents.export(accounts=False) == before


async def test_what_is_not_mentioned_is_left_alone_and_told(server: Server) -> None:
    await server.apply(FULL)
    plan = await server.apply("version = 1\nrule = []\n")
    assert {step.part for step in plan.steps} == {"rule"}
    assert plan.left_alone == ["settings", "list", "switch", "client", "record", "group", "route", "user"]
    assert len(server.store.rows("clients")) == 1


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('rule = [{ text = "||a^^^ b" }]', "rule[0].text"),
        ('list = [{ source = "ftp://x.example/l" }]', "list[0]"),
        ('list = [{ source = "/etc/shadow" }]', "list[0]"),
        ('client = [{ name = "Ann", addresses = ["10.1.1.1x"] }]', "client[0].addresses"),
        ('settings.blocking = { mode = "loud" }', "blocking.mode"),
        ("settings.blocking = { nonsense = 1 }", "settings.blocking.nonsense"),
        ('settings.server = { state_directory = "/tmp" }', "settings.server.state_directory"),
        ('route = [{ domains = ["a.example"], group = "nobody" }]', "route[0]"),
        ('rule = [{ text = "a.example" }, { text = " a.example " }]', "rule[1]"),
        ('rule = [{ text = "a.example", until = 2030-01-01T00:00:00 }]', "rule[0].until"),
        ('user = [{ name = "new", role = "viewer" }]', "user[0]"),
        ('user = [{ name = "new", role = "viewer", password_hash = "plain" }]', "user[0].password_hash"),
        (f'user = [{{ name = "Local", role = "viewer", password_hash = "{HASH}" }}]', "user[0].name"),
        (f'user = [{{ name = "token robot", role = "viewer", password_hash = "{HASH}" }}]', "user[0].name"),
        (f'user = [{{ name = "ada\\n", role = "viewer", password_hash = "{HASH}" }}]', "user[0].name"),
    ],
)
async def test_what_is_wrong_is_refused_with_its_place_and_nothing_is_changed(
    server: Server, text: str, where: str
) -> None:
    await server.apply(FULL)
    before = await server.documents.export(accounts=True)
    with pytest.raises(Refusal) as caught:
        await server.apply(f"version = 1\n{text}\n")
    assert caught.value.status in {409, 422}
    assert any(fault.where.startswith(where) for fault in caught.value.faults), caught.value.faults
    assert await server.documents.export(accounts=True) == before


async def test_what_a_flag_says_is_refused_with_the_flag(tmp_path: Path) -> None:
    server = Server(tmp_path, {"blocking.mode": "refused"})
    with pytest.raises(Refusal) as caught:
        await server.apply(FULL)
    assert (caught.value.status, server.audit()) == (409, 0)
    assert "--block-mode" in caught.value.faults[0].what
    server.store.close()


async def test_users_come_with_their_hash_and_are_never_removed(server: Server) -> None:
    await server.apply(f'version = 1\nuser = [{{ name = "ada", role = "admin", password_hash = "{HASH}" }}]\n')
    plan = await server.apply("version = 1\nuser = []\n")
    assert plan.steps == []
    (user,) = server.store.read(accounts.users)
    assert (user.name, user.password) == ("ada", HASH)
    exported = read_document(write_toml(await server.documents.export(accounts=True)))
    assert [one.password_hash for one in exported["user"]] == [HASH]
    assert "user" not in await server.documents.export(accounts=False)


@pytest.mark.parametrize("change", ['role = "operator"', f'role = "viewer", password_hash = "{HASH[:-1]}B"'])
async def test_sessions_of_a_user_who_changes_end(server: Server, change: str) -> None:
    users = ", ".join(f'{{ name = "{name}", role = "viewer", password_hash = "{HASH}" }}' for name in ("vic", "olga"))
    await server.apply(f"version = 1\nuser = [{users}]\n")
    lasting = credentials.Lasting(60.0, 60.0)

    def log_in(change: Change) -> None:
        for user in accounts.users(change.connection):
            credentials.add_session(change.connection, user.number, user.name.encode(), "", "", 1.0, lasting)

    server.store.change("", "", "", log_in)
    await server.apply(f'version = 1\nuser = [{{ name = "vic", {change} }}]\n')
    left = server.store.read(lambda db: credentials.sessions(db, 1.0, lasting, ""))
    assert [one.user for one in left] == ["olga"]


async def test_the_last_admin_stays_one(server: Server) -> None:
    await server.apply(f'version = 1\nuser = [{{ name = "ada", role = "admin", password_hash = "{HASH}" }}]\n')
    with pytest.raises(Refusal) as caught:
        await server.apply('version = 1\nrule = [{ text = "a.example" }]\nuser = [{ name = "ada", role = "viewer" }]\n')
    assert (caught.value.status, server.store.rows("rules")) == (409, [])


async def test_no_hash_is_in_what_is_told_or_logged(server: Server) -> None:
    text = f'version = 1\nuser = [{{ name = "ada", role = "admin", password_hash = "{HASH}" }}]\n'
    plan = await server.apply(text)
    rows = server.store.read(lambda connection: connection.execute("SELECT * FROM audit").fetchall())
    assert HASH not in str(rows)
    assert HASH not in str(plan)
