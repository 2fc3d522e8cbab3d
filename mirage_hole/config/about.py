"""How a setting is written down: its types, and what people are told of it."""

from msgspec import Meta

Many = tuple[str, ...] | str
"""A list of strings; a single string stands for a list of one."""
Duration = int | float | str
Size = int | str

BLOCK_MODES = ("null", "nxdomain", "nodata", "refused", "ip")
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "logfmt", "json")


def about(
    description: str, flag: str, metavar: str, write: str, *, default: str = "", choices: tuple[str, ...] = ()
) -> Meta:
    """What people are told of a setting. ``write`` completes "write …"; ``default`` is for defaults found at run time."""
    extra = {"flag": flag, "metavar": metavar, "write": write, "default": default, "choices": choices}
    return Meta(description=description, extra=extra)
