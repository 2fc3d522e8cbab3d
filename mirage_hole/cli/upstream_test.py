"""``mirage-hole upstreams test``: asks resolvers directly, with or without a server, and says what they can do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import click

from mirage_hole.cli.options import Flags, config_option
from mirage_hole.cli.query import read_name, read_timeout, read_together
from mirage_hole.cli.terminal import clean, print_json
from mirage_hole.runtime.probe import ROOT, Tested, probe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.config.settled import Endpoint, Settled

AT_ONCE: Final = 8
"""Resolvers that are tested at the same time."""
MOST: Final = 64


@click.command("test", short_help="Ask resolvers directly and time them.")
@click.argument("servers", metavar="[SERVER]...", nargs=-1)
@click.option("--name", metavar="NAME", default=ROOT, help="What to ask for. Default: the root's name servers.")
@click.option("--timeout", metavar="TIME", default="2s", show_default=True, help="How long to wait for each answer.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
@click.pass_context
def command(ctx: click.Context, servers: tuple[str, ...], name: str, timeout: str, as_json: bool) -> int:
    """Ask each SERVER (ADDR[:PORT]) a few questions, and print how long it took and what it can do.

    Without one, every resolver of the configuration is asked. UDP and TCP must work; EDNS, signatures (DNSSEC), a large
    answer, and names in random spelling are told. Exits with 1 when a resolver does not answer over UDP or over TCP.
    """
    name, seconds, endpoints = read_together(
        lambda: read_name("--name", name),
        lambda: read_timeout(timeout),
        lambda: _endpoints(servers, ctx.ensure_object(Flags)),
    )
    if not endpoints:
        click.echo("mirage-hole: no resolver is configured; write one, such as 9.9.9.9", err=True)
        return 1
    ok = True
    done: list[Tested] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for tested in pool.map(lambda server: probe(server, name, seconds), endpoints):
            ok = ok and tested.ok
            done.append(tested)
            if not as_json:
                _print(tested)
    if as_json:
        print_json({"servers": [_object(tested) for tested in done]})
    return 0 if ok else 1


def _endpoints(written: Sequence[str], flags: Flags) -> list[Endpoint]:
    from mirage_hole.config.problem import BadValue
    from mirage_hole.config.values import parse_endpoint

    if not written:
        return list(_configured(flags.settled()))
    if len(written) > MOST:
        message = f"SERVER: {len(written)} are too many; write at most {MOST}"
        raise click.UsageError(message)
    found, problems = [], []
    for text in written:
        try:
            found.append(parse_endpoint(text, 53))
        except BadValue as bad:
            problems.append(f"SERVER = {text!r}: {bad}")
    if problems:
        raise click.UsageError("\n       ".join(problems))
    return list(dict.fromkeys(found))


def _configured(settled: Settled) -> tuple[Endpoint, ...]:
    """Every resolver of the configuration, names with their last known addresses."""
    from mirage_hole.runtime.forwarding import forwarding, with_addresses
    from mirage_hole.runtime.upstream_names import names_in, read_known

    addressed = with_addresses(settled, read_known(settled.state_directory))
    for name in names_in(addressed):
        click.echo(f"mirage-hole: no address of {name} is known yet; a running server looks it up", err=True)
    return forwarding(addressed).upstreams


def _print(tested: Tested) -> None:
    click.echo(f"{tested.server}")
    width = max(len(step.title) for step in tested.steps)
    for step in tested.steps:
        time = "" if step.milliseconds is None else f"{step.milliseconds:.1f} ms"
        click.echo(f"    {step.title:<{width}}  {time:>10}  {clean(step.said, 300)}")


def _object(tested: Tested) -> dict[str, Any]:
    steps = [
        {
            "what": step.title,
            "ok": step.ok,
            "said": step.said,
            "milliseconds": None if step.milliseconds is None else round(step.milliseconds, 2),
        }
        for step in tested.steps
    ]
    return {"server": str(tested.server), "ok": tested.ok, "steps": steps}
