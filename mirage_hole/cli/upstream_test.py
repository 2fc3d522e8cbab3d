"""``mirage-hole upstreams test``: asks resolvers directly, with or without a server, and says what they can do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from mirage_hole.cli.options import Flags, config_option
from mirage_hole.cli.query import read_name, read_timeout, read_together
from mirage_hole.cli.terminal import clean, print_json
from mirage_hole.wire.codes import RRType, rcode_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mirage_hole.cli.ask import Reply
    from mirage_hole.config.settled import Endpoint, Settled
    from mirage_hole.wire.reading import Message

AT_ONCE: Final = 8
"""Resolvers that are tested at the same time."""
MOST: Final = 64
ROOT: Final = "."
CASE_NAME: Final = "mirage-hole-tests-the-case.example"
"""Of no interest but for its letters; ``example`` is reserved (RFC 6761 6.5)."""


class Step(NamedTuple):
    """One thing that was tried."""

    title: str
    ok: bool
    """False: it must work, and does not."""
    said: str
    milliseconds: float | None = None
    """Of the answer; None when there was none."""


class Tested(NamedTuple):
    """One resolver."""

    server: Endpoint
    steps: list[Step]

    @property
    def ok(self) -> bool:
        """Whether all that must work does."""
        return all(step.ok for step in self.steps)


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


def probe(server: Endpoint, name: str, timeout: float) -> Tested:
    """Try everything with one resolver.

    Args:
        server: whom to ask.
        name: what to ask for.
        timeout: seconds for each answer.
    """
    from mirage_hole.cli.ask import question

    qtype = RRType.NS if name == ROOT else RRType.A
    udp = _step("UDP", server, question(name, qtype), timeout, _answered)
    tcp = _step("TCP", server, question(name, qtype), timeout, _answered, tcp=True)
    steps = [udp, tcp]
    if udp.milliseconds is None:
        return Tested(server, steps)  # nothing else comes through where this does not
    signed = question(ROOT, RRType.DNSKEY, dnssec=True)
    steps.append(_step("DNSSEC", server, signed, timeout, _signed)._replace(ok=True))
    steps.append(_step("large", server, signed, timeout, _large)._replace(ok=True))
    steps.append(_case(server, timeout))
    return Tested(server, steps)


def _step(
    title: str,
    server: Endpoint,
    query: bytes,
    timeout: float,
    told: Callable[[Message, Reply], str],
    *,
    tcp: bool = False,
) -> Step:
    from mirage_hole.cli.ask import NoReply, ask
    from mirage_hole.wire.message import BadMessage
    from mirage_hole.wire.reading import read_in_full

    try:
        reply = ask(server, query, timeout, tcp=tcp)
        return Step(title, True, told(read_in_full(reply.data), reply), reply.seconds * 1000)
    except NoReply as problem:
        return Step(title, False, str(problem))
    except BadMessage as problem:
        return Step(title, False, f"no readable message: {problem}")


def _answered(message: Message, _reply: Reply) -> str:
    edns = f"EDNS with {message.edns.payload} octets" if message.edns is not None else "no EDNS"
    return f"{rcode_text(message.rcode)}, {edns}"


def _signed(message: Message, _reply: Reply) -> str:
    if message.rcode:
        return f"{rcode_text(message.rcode)} for the root's keys, so nothing is known of signatures"
    if not any(record.type == "RRSIG" for record in message.answer):
        return "no signatures are passed on: dnssec = true can't work with it"
    validated = "it validates them itself" if "ad" in message.flags else "it does not validate them itself"
    return f"signatures are passed on; {validated}"


def _large(message: Message, reply: Reply) -> str:
    how = "truncated over UDP, whole over TCP" if reply.truncated else f"whole over {reply.transport}"
    return f"{message.size} octets, {how}"


def _case(server: Endpoint, timeout: float) -> Step:
    """Whether names in random spelling come back as they were sent."""
    from mirage_hole.cli.ask import question

    spelt = "".join(letter.upper() if number % 3 == 1 else letter for number, letter in enumerate(CASE_NAME))
    # Everything that makes queries writes lower case.
    query = question(CASE_NAME).replace(_labels(CASE_NAME), _labels(spelt))
    step = _step("spelling", server, query, timeout, lambda *_: "names come back as they are spelt")
    if step.milliseconds is None:
        return step._replace(
            ok=True, said="names do not come back as they are spelt: random_case can't be used with it"
        )
    return step


def _labels(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))


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
