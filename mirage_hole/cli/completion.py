"""``mirage-hole completion``: the script that teaches a shell our commands and flags; and what can be completed."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, get_completion_class

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_MIRAGE_HOLE_COMPLETE"  # click's name for it, made from the program's


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash:  eval "$(mirage-hole completion bash)"         in ~/.bashrc
    zsh:   eval "$(mirage-hole completion zsh)"          in ~/.zshrc
    fish:  mirage-hole completion fish | source          in ~/.config/fish/config.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # click has all of SHELLS
    script = kind(ctx.find_root().command, {}, "mirage-hole", VARIABLE)
    # Not script.source(): for bash that starts a bash to see its version, which may be missing where this runs.
    click.echo(script.source_template % script.source_vars())


def complete_source(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """List sources: the catalogue's names, and files."""
    from mirage_hole.cli.sources import catalogue_titles

    names = [] if "/" in typed else [name for name in catalogue_titles() if name.startswith(typed)]
    titles = catalogue_titles() if names else {}
    # Files first: click's script for bash forgets what came before them.
    return [CompletionItem(typed, type="file"), *(CompletionItem(name, help=titles[name]) for name in names)]


def complete_type(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[str]:
    """Record types."""
    from mirage_hole.wire.codes import RRType

    return [kind.name for kind in RRType if kind.name.startswith(typed.upper()) and kind is not RRType.OPT]
