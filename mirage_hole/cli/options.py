"""One flag for each setting, made from the settings' own explanations; and the way from flags to settings."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from mirage_hole.config.host import Host, this_host
from mirage_hole.config.raw import SECTIONS, Setting, settings
from mirage_hole.config.read import Reading, read, report
from mirage_hole.config.stored import Stored
from mirage_hole.runtime.errors import BAD_CONFIG, StartupError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mirage_hole.config.load import Loaded
    from mirage_hole.config.settled import Settled

SOURCE_SETTINGS = ("lists.block", "lists.allow")


@dataclass(slots=True)
class Flags:
    """What was given on the command line, before and behind the subcommand's name; the later of two wins."""

    values: dict[str, object] = field(default_factory=dict)
    """Setting path to text, texts, or True."""
    config: str | None = None
    host: Host | None = None
    """The machine at the first reading. It is kept: a later one, as another user, must find the same state directory."""

    def read(self, stored: Stored | None = None) -> Reading:
        """Read the configuration with these flags, list sources included.

        Args:
            stored: what is to be stored; each problem with it is told. None: what is stored, as far as it means anything.

        Raises:
            StartupError: the installation is damaged.
        """
        self.host = self.host or this_host()
        return read(
            self.values,
            os.environ,
            self.host,
            self.config,
            stored=_stored if stored is None else lambda _: stored,
            check=_check_sources,
            strict=stored is not None,
        )

    def settled(self, warn: Callable[[str], None] | None = None) -> Settled:
        """The settings.

        Args:
            warn: takes each warning; by default they go to standard error.

        Raises:
            StartupError: with every problem, exit code 78.
        """
        reading = self.read()
        for warning in reading.loaded.warnings:
            if warn is None:
                click.echo(f"mirage-hole: warning: {warning}", err=True)
            else:
                warn(str(warning))
        if reading.settled is None:
            raise StartupError(report(reading.loaded), BAD_CONFIG)
        return reading.settled


def _stored(directory: Path) -> Stored:
    try:
        if not any((directory / name).exists() for name in ("state.db", "state.backup.db")):
            return Stored()
    except OSError:  # not ours to see
        return Stored()
    from mirage_hole.store.stored import read_stored  # here: a start without a database need not load one

    return Stored(*read_stored(directory))


def _check_sources(loaded: Loaded) -> None:
    if any(_needs_catalogue(source) for sources in loaded.sources.values() for source in sources):
        from mirage_hole.cli.sources import check_sources

        check_sources(loaded)


def _needs_catalogue(source: str) -> bool:
    """Whether only the catalogue can tell if a source is right. Reading it takes time that starting has not."""
    return source != "starter" and not source.startswith(("/", "https://", "http://"))


class SettingOption(click.Option):
    """A flag that sets a setting; the help lists it under its section."""

    section = ""


class SectionedCommand(click.Command):
    """A command whose help shows the flags of each section together."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_options(self, ctx, formatter)


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the options of a command into its help, by section."""
    grouped: dict[str, list[tuple[str, str]]] = {"": []}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            section = param.section if isinstance(param, SettingOption) else ""
            grouped.setdefault(section, []).append(record)
    for section, records in grouped.items():
        title = "Options" if not section else (SECTIONS[section].__doc__ or section).removesuffix(".")
        with formatter.section(title):
            formatter.write_dl(records)


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: ``--config`` and a flag for each setting."""
    return config_option(_with_flags(command, list(settings().values())))


def some_setting_options(*paths: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: ``--config`` and the flags of these settings."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        return config_option(_with_flags(command, [settings()[path] for path in paths]))

    return decorate


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: ``--config``."""
    text = (
        "Configuration file. Default: $MIRAGE_HOLE_CONFIG, else ~/.config/mirage-hole/config.toml, "
        "else /etc/mirage-hole/config.toml."
    )
    option = click.option(
        "--config", metavar="FILE", type=click.Path(), help=text, expose_value=False, callback=_take_config
    )
    return option(command)


def _with_flags(command: Callable[..., Any], chosen: list[Setting]) -> Callable[..., Any]:
    for setting in reversed(chosen):  # decorators apply from the last to the first
        command = _option(setting)(command)
    return command


def _option(setting: Setting) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def take(ctx: click.Context, _param: click.Parameter, value: object) -> None:
        if value is not None and value != () and (value is not False or setting.default is True):
            ctx.ensure_object(Flags).values[setting.path] = value

    flag = setting.flag if setting.default is not True else f"{setting.flag}/{setting.opposite}"
    section = setting.path.partition(".")[0]
    attributes: dict[str, Any] = {"help": help_text(setting), "expose_value": False, "callback": take, "default": None}
    if setting.type is bool:
        attributes["is_flag"] = True
    else:
        attributes |= {"metavar": setting.metavar, "multiple": setting.is_list, "shell_complete": _completion(setting)}
    option = type("Flag", (SettingOption,), {"section": section})
    return click.option(flag, cls=option, **attributes)


def help_text(setting: Setting) -> str:
    """A setting's explanation with its default."""
    if setting.type is bool:
        return setting.doc
    default = setting.default_text
    if not default:
        default = ", ".join(setting.default) if isinstance(setting.default, tuple) else str(setting.default)
    repeat = " May be repeated." if setting.is_list else ""
    return f"{setting.doc}{repeat} Default: {default or 'none'}."


def _take_config(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Flags).config = value


def _completion(setting: Setting) -> Callable[[click.Context, click.Parameter, str], list[Any]] | None:
    if setting.choices:
        return lambda _ctx, _param, typed: [choice for choice in setting.choices if choice.startswith(typed)]
    if setting.path in SOURCE_SETTINGS:
        return _complete_source
    return None


def _complete_source(ctx: click.Context, param: click.Parameter, typed: str) -> list[Any]:
    from mirage_hole.cli.completion import complete_source

    return complete_source(ctx, param, typed)
