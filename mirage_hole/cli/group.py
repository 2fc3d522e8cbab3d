"""A group of commands that loads those that are modules when they are called, and knows what a misspelt one was meant to be."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import ClassVar

import click


class Group(click.Group):
    """Commands of its own, and those that ``modules`` names."""

    modules: ClassVar[dict[str, str]] = {}
    """Command to the module of this folder whose ``command`` it is, or to ``module:attribute``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self.modules])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.modules:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.modules[cmd_name].partition(":")
        found: click.Command = getattr(import_module(f"mirage_hole.cli.{module}"), attribute or "command")
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            near = get_close_matches(args[0], known, 1, 0.5)
            advice = f"write {near[0]}" if near else f"write one of {', '.join(known)}"
            ctx.fail(f"no such command: {args[0]!r}; {advice}")
        return super().resolve_command(ctx, args)
