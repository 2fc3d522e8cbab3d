"""``mirage-hole explain``: why a name is blocked or not, from the compiled lists that the server itself uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mirage_hole.cli.completion import complete_type
from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.query import read_name, read_together, read_type
from mirage_hole.runtime.errors import StartupError
from mirage_hole.wire.names import to_text

if TYPE_CHECKING:
    from mirage_hole.cli.explain_stages import Case
    from mirage_hole.config.settled import Settled
    from mirage_hole.policy.policy import Policy

FAILURE = 1


@click.command("explain", short_help="Say why a name is blocked or not.")
@click.argument("name")
@click.argument("rrtype", metavar="[TYPE]", default="A", shell_complete=complete_type)
@click.option("--client", metavar="IP", help="Who asks: rules for some clients only then count, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@some_setting_options("server.state_directory")
@click.pass_context
def command(ctx: click.Context, name: str, rrtype: str, client: str | None, as_json: bool) -> int:
    """Say what happens to a query for NAME: every stage in order, every rule in each list, which one decides and why.

    TYPE is A, AAAA, HTTPS, … or TYPE followed by a number; A when left out. Reads the lists that were compiled last and your
    own rules, without asking the server. In front of a rule, > means that it decides, - that it does not apply.
    """
    from mirage_hole.cli.explain_local import said_here
    from mirage_hole.cli.explain_stages import Case, answer_of, stages
    from mirage_hole.policy.explain import explain
    from mirage_hole.wire.codes import type_text
    from mirage_hole.wire.names import from_text

    name, qtype, octets = read_together(
        lambda: read_name("NAME", name), lambda: read_type(rrtype), lambda: _client_octets(client)
    )
    settled = ctx.ensure_object(Flags).settled()
    policy = serving_policy(settled)
    found = explain(policy, from_text(name), qtype, octets or b"")
    here = said_here(settled, policy, from_text(name), qtype, octets or b"")
    case = Case(found, client, octets, policy, settled, here)
    notes = _notes(settled, policy)
    if as_json:
        import orjson

        click.echo(orjson.dumps(_as_object(case, notes), option=orjson.OPT_INDENT_2))
        return 0
    asked = f"{to_text(found.name)} {type_text(qtype)}{f' from {client}' if client else ''}"
    click.echo(f"{asked}: {case.outcome}")
    for number, stage in enumerate(stages(case), 1):
        click.echo(f"{number}. {stage.title}: {stage.said}")
        for line in stage.lines:
            click.echo(f"   {line}")
    click.echo(f"answer: {answer_of(case)}")
    for note in notes:
        click.echo(f"note: {note}")
    return 0


def serving_policy(settled: Settled) -> Policy:
    """What a server with these settings judges by: the newest compiled lists, the user's own rules, the configured clients.

    Raises:
        StartupError: there are neither compiled lists nor own rules, or they can't be read.
    """
    from mirage_hole.policy.clients import Clients
    from mirage_hole.policy.policy import empty_policy
    from mirage_hole.runtime.generation import OWN_RULES, BadGeneration, read_own_rules

    try:
        own = read_own_rules(settled.state_directory / OWN_RULES)
    except BadGeneration as problem:
        message = f"your own rules can't be read: {problem}; they are compiled anew when the server restarts"
        raise StartupError(message, FAILURE) from None
    try:
        policy = open_policy(settled)
    except NoLists:
        if not own.size:
            raise
        policy = empty_policy()
    return policy.with_own(own).with_clients(Clients(settled.clients))


class NoLists(StartupError):  # noqa: N818 - reads as what it is at the raise
    """Nothing has been compiled yet."""


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
            return open_generation(newest, lines=True)
    except PermissionError as error:
        message = f"{error.filename or state} is not readable for this user; run it as the server's user, or with sudo"
        raise StartupError(message, NO_PERMISSION) from None
    except (BadGeneration, OSError) as error:
        message = f"the compiled lists can't be read: {error}; they are compiled anew when the server restarts"
        raise StartupError(message, FAILURE) from None
    message = (
        f"no compiled lists in {state}; start the server once, or write the state directory it uses (--state DIRECTORY)"
    )
    raise NoLists(message, FAILURE)


def _client_octets(client: str | None) -> bytes | None:
    from ipaddress import ip_address

    if client is None:
        return None
    try:
        return ip_address(client.partition("%")[0]).packed
    except ValueError:
        message = f"--client = {client!r} is no IP address; write one such as 192.168.1.20"
        raise click.UsageError(message) from None


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


def _as_object(case: Case, notes: list[str]) -> dict[str, Any]:
    """The object that the web API gives, with all stages, the answer, and the generation that it is about."""
    from mirage_hole.api.views import explanation
    from mirage_hole.cli.explain_stages import answer_of, is_answered, stages

    shown = explanation(case.found)
    shown["outcome"] = case.outcome
    shown["stages"] = [{"stage": stage.title, "said": stage.said} for stage in stages(case)]
    shown["answer"] = answer_of(case)
    shown["generation"] = case.policy.generation
    shown["notes"] = notes
    if case.octets is not None:
        who = case.policy.clients.who(case.octets)
        shown["client"] = {
            "address": case.client,
            "answered": is_answered(case),
            "names": sorted(who.names),
            "tags": sorted(who.tags),
        }
    return shown
