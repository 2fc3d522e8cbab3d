"""``mirage-hole explain``: why a name is blocked or not, from the compiled lists that the server itself uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.query import read_name, read_together
from mirage_hole.runtime.errors import StartupError

if TYPE_CHECKING:
    from mirage_hole.config.settled import Settled
    from mirage_hole.policy.explain import Explanation
    from mirage_hole.policy.policy import Policy

FAILURE = 1
"""The API's words."""


@click.command("explain", short_help="Say why a name is blocked or not.")
@click.argument("name")
@click.option("--client", metavar="IP", help="Who asks: also say whether that client is answered.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@some_setting_options("server.state_directory")
@click.pass_context
def command(ctx: click.Context, name: str, client: str | None, as_json: bool) -> int:
    """Say what happens to a query for NAME: the deciding list, line and rule, the other rules, and the answer.

    Reads the lists that were compiled last, without asking the server.
    """
    from mirage_hole.policy.explain import blocked_answer, explain
    from mirage_hole.wire.names import from_text

    name, octets = read_together(lambda: read_name("NAME", name), lambda: _client_octets(client))
    wire = from_text(name)
    settled = ctx.ensure_object(Flags).settled()
    index = open_policy(settled)
    found = explain(index, wire)
    answer = blocked_answer(settled.block_mode, settled.block_ttl, settled.block_ipv4, settled.block_ipv6)
    notes = _notes(settled, index)
    refused = octets is not None and not _is_answered(octets, settled)
    if refused:
        notes.insert(
            0, f"{client} is outside server.allow_from: no answer over UDP, REFUSED over TCP, whatever the lists say"
        )
    if as_json:
        import orjson

        shown = _as_object(found, index, answer) | {"notes": notes}
        if client is not None:
            shown["client"] = {"address": client, "answered": not refused}
        click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2))
    else:
        click.echo("\n".join([*found.lines(answer), *(f"note: {note}" for note in notes)]))
    return 0


def open_policy(settled: Settled) -> Policy:
    """The newest compiled lists of the state directory.

    Raises:
        StartupError: there are none, or they can't be read.
    """
    from mirage_hole.runtime.errors import NO_PERMISSION
    from mirage_hole.runtime.generation import BadGeneration, newest_generation, open_generation

    state = settled.state_directory
    try:
        newest = newest_generation(state)
        if newest is not None:
            return open_generation(newest)
    except PermissionError as error:
        message = f"{error.filename or state} is not readable for this user; run it as the server's user, or with sudo"
        raise StartupError(message, NO_PERMISSION) from None
    except (BadGeneration, OSError) as error:
        message = f"the compiled lists can't be read: {error}; they are compiled anew when the server restarts"
        raise StartupError(message, FAILURE) from None
    message = (
        f"no compiled lists in {state}; start the server once, or write the state directory it uses (--state DIRECTORY)"
    )
    raise StartupError(message, FAILURE)


def _client_octets(client: str | None) -> bytes | None:
    from ipaddress import ip_address

    if client is None:
        return None
    try:
        return ip_address(client.partition("%")[0]).packed
    except ValueError:
        message = f"--client = {client!r} is no IP address; write one such as 192.168.1.20"
        raise click.UsageError(message) from None


def _is_answered(client: bytes, settled: Settled) -> bool:
    from mirage_hole.policy.access import Access

    return Access(settled.allow_from).permits(client)


def _notes(settled: Settled, index: Policy) -> list[str]:
    """Where the compiled lists are not those that are configured."""
    from mirage_hole.sources.masking import masked

    off = {one.source for one in settled.lists if not one.enabled}
    written = (*settled.blocklists, *settled.allowlists, *(one.source for one in settled.lists))
    configured = [masked(source) for source in dict.fromkeys(written) if source not in off]
    compiled = [masked(one.source) for one in index.lists]
    notes = [f"{source} is configured but not compiled yet" for source in configured if source not in compiled]
    notes += [
        f"{source} is no longer configured; it counts until the server reloads"
        for source in compiled
        if source not in configured
    ]
    return notes


def _as_object(found: Explanation, index: Policy, answer: str) -> dict[str, Any]:
    """The object that the web API gives, with the answer and the generation that it is about."""
    from mirage_hole.api.views import explanation

    blocked = found.outcome == "blocked"
    return explanation(found) | {"answer": answer if blocked else None, "generation": index.generation}
