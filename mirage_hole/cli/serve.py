"""``mirage-hole serve``: read the settings, then hand over to the supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mirage_hole.cli.options import Flags, SectionedCommand, setting_options

if TYPE_CHECKING:
    from mirage_hole.config.settled import Settled


@click.command("serve", cls=SectionedCommand)
@setting_options
@click.pass_context
def command(ctx: click.Context) -> int:
    """Answer DNS queries until told to stop. The same as no command at all."""
    return run_server(ctx.ensure_object(Flags))


def run_server(flags: Flags) -> int:
    """Serve with these flags; the exit code.

    Raises:
        StartupError: the settings are wrong, or the supervisor can't start with them.
    """
    settled: Settled = flags.settled()
    # The supervisor starts the first worker before it loads anything heavy; nothing must be imported here before it.
    from mirage_hole.runtime.supervisor import serve

    def reload() -> Settled:
        import logging  # by then the program has a log, in the operator's format

        return flags.settled(logging.getLogger("mirage_hole.config").warning)

    return serve(settled, reload, flags.read)
