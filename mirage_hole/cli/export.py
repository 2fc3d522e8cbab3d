"""``mirage-hole export``: everything that was changed while the server ran, as one document."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import click
import orjson

from mirage_hole.cli.control import NoServer, Refused, call
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.terminal import clean

if TYPE_CHECKING:
    from pathlib import Path

    from mirage_hole.config.document import Document

FAILURE = 1
_HEADING = "The state of Mirage Hole. `mirage-hole apply FILE` makes a running server equal to it."


@click.command("export", short_help="Write the state as one readable document.")
@click.argument("file", required=False, type=click.Path(dir_okay=False, writable=True))
@click.option("--json", "as_json", is_flag=True, help="JSON instead of TOML.")
@click.option("--accounts", is_flag=True, help="With users and the hashes of their passwords.")
@some_setting_options("server.state_directory")
@click.pass_context
def command(ctx: click.Context, file: str | None, as_json: bool, accounts: bool) -> int:
    """Write what was changed while the server ran to FILE, or to the terminal: settings, lists, rules, clients, local records,
    groups and routes. What the configuration file says is not in it.

    mirage-hole apply FILE makes a server equal to it; so a Git repository can own the state. A file with passwords in it, such
    as of list addresses or with --accounts, is for you alone, and is made so.
    """
    state = ctx.find_root().ensure_object(Flags).settled().state_directory
    try:
        document = _asked(state, accounts=accounts)
    except (Refused, OSError) as problem:
        click.echo(f"mirage-hole: {clean(str(problem))}", err=True)
        return FAILURE
    from mirage_hole.config.document import write_json, write_toml

    text = write_json(document) if as_json else write_toml(document, _HEADING)
    if file is None:
        click.echo(text.decode(), nl=False)
        return 0
    try:
        _write(file, text)
    except OSError as problem:
        click.echo(f"mirage-hole: {file}: {problem.strerror or problem}", err=True)
        return FAILURE
    counts = [f"{len(entries)} {part}" for part, entries in document.items() if entries]
    click.echo(f"written to {file}: {', '.join(counts) or 'nothing was changed yet'}", err=True)
    return 0


def _asked(state: Path, *, accounts: bool) -> Document:
    """From the server, else from the state itself.

    Raises:
        Refused: the server does not tell.
        OSError: the state can't be read.
    """
    from mirage_hole.config.document import read_document

    try:
        path = "/api/v1/document?format=json" + ("&accounts=true" if accounts else "")
        return read_document(orjson.dumps(call(state, "GET", path)))
    except NoServer as nobody:
        if not (state / "state.db").exists():
            raise Refused(str(nobody)) from None
    from mirage_hole.runtime.documents import exported
    from mirage_hole.store.database import StoreProblem
    from mirage_hole.store.state import StateStore

    store = StateStore(state)
    try:
        with contextlib.closing(store):
            return exported(store, accounts=accounts)
    except StoreProblem as problem:
        raise Refused(str(problem)) from None


def _write(file: str, text: bytes) -> None:
    """As a whole, and readable by its owner alone."""
    part = f"{file}.part"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(part)  # noqa: PTH108 - the path is text as it was written
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, file)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)  # noqa: PTH108
        raise


def shown(value: Any) -> str:
    """A value on one line, for people."""
    return clean(orjson.dumps(value).decode()) if not isinstance(value, str) else clean(value)
