"""``mirage-hole healthcheck``: does the server on this machine answer? For containers and service managers."""

from __future__ import annotations

import click

from mirage_hole.cli.options import Flags, some_setting_options
from mirage_hole.cli.query import ASK_ANOTHER, read_name, read_server, read_timeout, read_together

# RFC 4892: a question about the server itself, in class CHAOS. It never goes to an upstream, so that a check of this
# server does not fail, and restart it, because another one is down.
IDENTITY = "id.server"


@click.command("healthcheck")
@click.option("--server", metavar="ADDR[:PORT]", help="Whom to ask. Default: the server configured on this machine.")
@click.option("--name", metavar="NAME", help="Ask for this name, and want an answer that says it exists or does not.")
@click.option("--tcp", is_flag=True, help="Ask over TCP.")
@click.option("--timeout", metavar="TIME", default="2s", show_default=True, help="How long to wait.")
@some_setting_options("server.listen", "server.port")
@click.pass_context
def command(ctx: click.Context, server: str | None, name: str | None, tcp: bool, timeout: str) -> int:
    """Ask the server on this machine a DNS question. Exits with 0 if it answers, else with 1.

    The question is one that the server answers itself, so a dead upstream does not matter; --name takes the whole way.
    """
    from mirage_hole.runtime.ask import NoReply, ask, question
    from mirage_hole.wire.codes import Rcode, RRClass, RRType, rcode_text

    endpoint, seconds, name = read_together(
        lambda: read_server(server, ctx.ensure_object(Flags)),
        lambda: read_timeout(timeout),
        lambda: read_name("--name", name) if name else None,
    )
    query = question(name) if name else question(IDENTITY, RRType.TXT, qclass=RRClass.CH)
    try:
        reply = ask(endpoint, query, seconds, tcp=tcp)
    except NoReply as problem:
        click.echo(f"mirage-hole: {problem}{'' if server else ASK_ANOTHER}", err=True)
        return 1
    rcode = reply.data[3] & 0x0F
    if name and rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
        click.echo(f"mirage-hole: {endpoint} answers {rcode_text(rcode)} for {name}", err=True)
        return 1
    click.echo(f"{endpoint} answers, {reply.seconds * 1000:.1f} ms")
    return 0
