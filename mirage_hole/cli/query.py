"""``mirage-hole query``: ask a server a question and print what it says, Extended DNS Errors included."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from mirage_hole.cli.completion import complete_type
from mirage_hole.cli.options import Flags, config_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from mirage_hole.config.settled import Endpoint

DEFAULT_TIMEOUT = "5s"
MIN_TIMEOUT, MAX_TIMEOUT = 0.01, 60.0  # seconds
_URL = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/@]*@)?([^/:@?#\[\]]+)", re.IGNORECASE)
ASK_ANOTHER = " (--server ADDR:PORT asks another)"


@click.command("query")
@click.argument("name")
@click.argument("rrtype", metavar="[TYPE]", default="", shell_complete=complete_type)
@click.option("--server", metavar="ADDR[:PORT]", help="Whom to ask. Default: the server configured on this machine.")
@click.option(
    "--tcp", is_flag=True, help="Ask over TCP. Otherwise over UDP, and over TCP when the answer is truncated."
)
@click.option("--dnssec", is_flag=True, help="Set DO: ask for signatures.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--timeout", metavar="TIME", default=DEFAULT_TIMEOUT, show_default=True, help="How long to wait.")
@config_option
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    rrtype: str,
    server: str | None,
    tcp: bool,
    dnssec: bool,
    as_json: bool,
    timeout: str,
) -> int:
    """Ask a server for NAME and print the answer as dig does.

    TYPE is A, AAAA, HTTPS, MX, TXT, … or TYPE followed by a number; A when left out. An IP address as NAME asks for the
    name that belongs to it. Exits with 0 whatever the answer says, with 1 when there is none.
    """
    from mirage_hole.cli.printing import as_object, as_text
    from mirage_hole.runtime.ask import NoReply, ask, question
    from mirage_hole.wire.message import BadMessage
    from mirage_hole.wire.reading import read_in_full

    qtype, text, endpoint, seconds = read_together(
        lambda: read_type(rrtype),
        lambda: read_name("NAME", name),
        lambda: read_server(server, ctx.ensure_object(Flags)),
        lambda: read_timeout(timeout),
    )
    text, qtype = _name_and_type(text, qtype)
    try:
        reply = ask(endpoint, question(text, qtype, dnssec=dnssec), seconds, tcp=tcp)
        message = read_in_full(reply.data)
    except (NoReply, BadMessage) as problem:
        what = str(problem) if isinstance(problem, NoReply) else f"{endpoint} sent no readable message: {problem}"
        click.echo(f"mirage-hole: {what}{'' if server else ASK_ANOTHER}", err=True)
        return 1
    if as_json:
        import orjson

        click.echo(orjson.dumps(as_object(message, reply, endpoint), option=orjson.OPT_INDENT_2))
    else:
        click.echo(as_text(message, reply, endpoint))
    return 0


def read_together(*reads: Callable[[], Any]) -> list[Any]:
    """The values of several arguments.

    Raises:
        click.UsageError: what is wrong with any of them, a line each.
    """
    values, problems = [], []
    for read in reads:
        try:
            values.append(read())
        except click.UsageError as problem:
            problems.append(problem.message)
    if problems:
        raise click.UsageError("\n       ".join(problems))
    return values


def read_name(argument: str, text: str) -> str:
    """A domain name, as written; a URL is taken at its word, since such names are asked for, but remarked upon.

    Raises:
        click.UsageError: no domain name.
    """
    from mirage_hole.wire.names import BadName, from_text

    if text.startswith("@"):
        message = f"{argument} = {text!r} is no domain name; to ask another server, write --server {text[1:] or 'ADDR'}"
        raise click.UsageError(message)
    url = _URL.match(text)
    try:
        from_text(text)
    except BadName as bad:
        advice = url[1] if url else "a name such as example.com"
        message = f"{argument} = {text!r} is no domain name: {bad}; write {advice}"
        raise click.UsageError(message) from None
    if url:
        click.echo(f"mirage-hole: {text!r} looks like a URL; for the name in it, write {url[1]}", err=True)
    return text


def read_server(text: str | None, flags: Flags) -> Endpoint:
    """The server to ask: as written, or the one that this machine's configuration describes.

    Raises:
        click.UsageError: no address.
        StartupError: the configuration is needed and has problems.
    """
    from mirage_hole.config.problem import BadValue
    from mirage_hole.config.values import parse_endpoint
    from mirage_hole.runtime.ask import local_endpoint

    if text is None:
        return local_endpoint(flags.settled().listen)
    try:
        return parse_endpoint(text, 53)
    except BadValue as bad:
        message = f"--server = {text!r}: {bad}"
        raise click.UsageError(message) from None


def read_timeout(text: str) -> float:
    """Seconds.

    Raises:
        click.UsageError: no length of time, or not from 10 ms to 60 s.
    """
    from mirage_hole.config.problem import BadValue
    from mirage_hole.config.values import parse_duration

    try:
        seconds = parse_duration(text)
    except BadValue as bad:
        message = f"--timeout = {text!r}: {bad}"
        raise click.UsageError(message) from None
    if not MIN_TIMEOUT <= seconds <= MAX_TIMEOUT:
        message = f"--timeout = {text!r}: not from 10ms to 60s; write a time such as {DEFAULT_TIMEOUT}"
        raise click.UsageError(message)
    return seconds


def read_type(text: str) -> int | None:
    """The number of a record type; None when it is left out.

    Raises:
        click.UsageError: no such type.
    """
    from mirage_hole.wire.codes import type_number

    try:
        return type_number(text) if text else None
    except ValueError as error:
        message = f"TYPE = {error}"
        raise click.UsageError(message) from None


def _name_and_type(name: str, qtype: int | None) -> tuple[str, int]:
    """What is asked: an address stands for the name that belongs to it."""
    from ipaddress import ip_address

    from mirage_hole.wire.codes import RRType

    try:
        pointer = ip_address(name).reverse_pointer
    except ValueError:
        pointer = ""
    if pointer and qtype in (None, RRType.PTR):
        return pointer, RRType.PTR
    return name, RRType.A if qtype is None else qtype
