"""The settings: what holds, where it was said, and what can be changed while the server runs."""

# Annotations stay live objects here (no ``from __future__ import annotations``): msgspec reads them.
import asyncio
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct, to_builtins

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.api.v1.changes import Changed, Overruled, WrongState, changes_of, refuse
from mirage_hole.api.v1.identity import Role
from mirage_hole.api.v1.route import Call, Route
from mirage_hole.config.about import Many
from mirage_hole.config.problem import Origin
from mirage_hole.config.raw import Setting, settings
from mirage_hole.config.read import Reading
from mirage_hole.config.stored import NEVER
from mirage_hole.sources.masking import masked
from mirage_hole.store.changes import Change

AREA = "settings"
MAX_SETTINGS = 200
HIDDEN: Final = "(hidden)"
"""In the place of a secret."""
NEEDS_RESTART: Final = {
    "server.listen": "listen",
    "server.port": "listen",
    "server.workers": "workers",
    "server.user": "user",
    "server.state_directory": "state_directory",
}
"""Settings that count from the next start on, and what they are in :class:`mirage_hole.config.settled.Settled`."""
_SECRETS: Final = ("password", "token", "secret")

Path = Annotated[str, Meta(max_length=100, description="Section and key.", examples=["blocking.mode"])]
Value = Annotated[
    bool
    | int
    | float
    | Annotated[str, Meta(max_length=4096)]
    | Annotated[list[Annotated[str, Meta(max_length=4096)]], Meta(max_length=1000)],
    Meta(description="As in the configuration file.", examples=["nxdomain"]),
]


class SettingView(Struct, kw_only=True):
    """One setting."""

    path: str
    value: Annotated[Any, Meta(description="What holds; a secret is hidden.")]
    default: Any
    origin: Literal["default", "stored", "file", "environment", "flag"]
    where: Annotated[str, Meta(description="File and line, variable or flag; of a default what it was derived from.")]
    stored: Annotated[Any, Meta(description="What is stored, also where something else counts; null: nothing.")]
    changeable: Annotated[bool, Meta(description="Whether it can be changed here.")]
    why_not: Annotated[str, Meta(description="Why it can't be; empty when it can.")]
    needs_restart: Annotated[bool, Meta(description="A change counts from the next start on.")]
    secret: bool
    type: Literal["text", "number", "boolean", "list", "choice", "time", "size"]
    choices: list[str]
    description: str
    write: Annotated[str, Meta(description="What to write.")]


class Settings(Struct, kw_only=True):
    """All settings, by section."""

    settings: list[SettingView]
    warnings: Annotated[list[str], Meta(description="What of the configuration has no effect, or is left out.")]


class SettingsChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """Settings to store: all or none."""

    settings: Annotated[
        dict[Path, Value | None],
        Meta(min_length=1, max_length=MAX_SETTINGS, description="Path to value; null: back to the default."),
    ]


class ChangedSettings(Struct, kw_only=True):
    """What came of a change."""

    changed: Annotated[list[str], Meta(description="Paths of which something else is stored now.")]
    needs_restart: Annotated[list[str], Meta(description="Those of them that count from the next start on.")]
    warnings: list[str]


async def list_settings(call: Call[None, None]) -> Settings:
    """Flags beat environment variables, those beat the file, the file beats what is stored, and that beats the default."""
    reading, stored = await _look(call)
    values = _values(reading)
    shown = [_shown(setting, reading, stored, values) for setting in settings().values()]
    return Settings(settings=shown, warnings=[str(one) for one in reading.loaded.warnings])


async def show_setting(call: Call[None, None]) -> SettingView:
    """With an ETag, for ``If-Match``."""
    setting = _setting(call.path["path"])
    reading, stored = await _look(call)
    return _shown(setting, reading, stored, _values(reading))


async def change_settings(call: Call[None, SettingsChange]) -> ChangedSettings:
    """Checked as the configuration file is, stored, and taken by the running server, all of them or none. A setting that a flag, a
    variable or the file has can't be changed here (409 says where it is)."""
    return await _change(call, call.body.settings)


async def reset_setting(call: Call[None, None]) -> ChangedSettings:
    """Store nothing for it: the default holds again, or what a flag, a variable or the file says."""
    return await _change(call, {_setting(call.path["path"]).path: None})


async def _change(call: Call[Any, Any], wanted: dict[str, Any]) -> ChangedSettings:
    changes = changes_of(call)
    try:
        reading = await changes.look()
    except OSError as problem:
        refuse(problem)
    _check(wanted, reading)

    def work(change: Change) -> list[str]:
        for path, value in wanted.items():
            secret = is_secret(path)
            if value is None:
                change.remove("settings", path, secret=secret)
            else:
                old = change.row("settings", path)
                meant = _unmasked(path, value, None if old is None else old["value"])
                change.put("settings", {"path": path, "value": meant}, secret=secret)
        different = [str(key) for key in change.keys("settings")]
        change.target = ", ".join(different)
        return different

    try:
        changed = await changes.change(call.who.name, "change settings", "", work)
    except (WrongState, Overruled, OSError) as problem:
        refuse(problem)
    return _told(changed)


def _told(changed: Changed) -> ChangedSettings:
    different: list[str] = changed.done.result
    warnings = [str(one) for one in changed.reading.loaded.warnings] if changed.reading is not None else []
    return ChangedSettings(
        changed=different, needs_restart=[path for path in different if path in NEEDS_RESTART], warnings=warnings
    )


def _check(wanted: dict[str, Any], reading: Reading) -> None:
    """Raises :class:`Refusal` with everything that can't be stored."""
    unknown = [
        Fault(path[:100], "is no setting", "a path of /api/v1/settings") for path in wanted if path not in settings()
    ]
    if unknown:
        raise Refusal(422, f"Nothing was changed: {', '.join(one.where for one in unknown)}: no such setting.", unknown)
    fixed = [
        Fault(path, why, "it there")
        for path, value in wanted.items()
        if value is not None and (why := _why_not(path, reading.loaded.origin(path)))
    ]
    if fixed:
        detail = "; ".join(f"{one.where}: {one.what}" for one in fixed)
        raise Refusal(409, f"Nothing was changed: {detail}.", fixed)


def _why_not(path: str, origin: Origin) -> str:
    if path in NEVER:
        return f"can't be stored: {NEVER[path]}"
    if origin.kind in {"file", "environment", "flag"}:
        return f"is said by {origin.where}, and that counts"
    return ""


async def _look(call: Call[Any, Any]) -> tuple[Reading, dict[str, Any]]:
    changes = changes_of(call)
    try:
        reading = await changes.look()
        rows = await asyncio.to_thread(changes.store.rows, "settings")
    except OSError as problem:
        refuse(problem)
    return reading, {row["path"]: row["value"] for row in rows}


def _setting(path: str) -> Setting:
    found = settings().get(path)
    if found is None:
        raise Refusal(404, f"{path[:100]!r} is no setting.")
    return found


def _values(reading: Reading) -> dict[str, Any]:
    """What holds; what was written where the configuration means nothing for now."""
    from mirage_hole.config.describe import values_of

    if reading.settled is not None:
        return values_of(reading.settled)
    raw = reading.loaded.raw
    return {path: getattr(getattr(raw, path.partition(".")[0]), path.partition(".")[2]) for path in settings()}


def is_secret(path: str) -> bool:
    """Whether a setting's value is shown to nobody."""
    return path.rpartition(".")[2].endswith(_SECRETS)


def _shown(setting: Setting, reading: Reading, stored: dict[str, Any], values: dict[str, Any]) -> SettingView:
    path, origin = setting.path, reading.loaded.origin(setting.path)
    value = values[path]
    why = _why_not(path, origin)
    return SettingView(
        path=path,
        value=_plain(path, setting.default if value is None else value),
        default=to_builtins(setting.default),
        origin=origin.kind,  # type: ignore[arg-type]
        where=origin.where,
        stored=_plain(path, stored.get(path)),
        changeable=not why,
        why_not=why,
        needs_restart=path in NEEDS_RESTART,
        secret=is_secret(path),
        type=_type_of(setting),
        choices=list(setting.choices),
        description=setting.doc,
        write=setting.write,
    )


def _plain(path: str, value: Any) -> Any:
    plain = to_builtins(value)
    if is_secret(path) and plain:
        return HIDDEN
    if isinstance(plain, list | tuple):
        return [masked(one) if isinstance(one, str) else one for one in plain]
    return masked(plain) if isinstance(plain, str) else plain


def _unmasked(path: str, value: Any, old: Any) -> Any:
    """What is meant by a value that was shown with stars in it, and sent back."""
    if is_secret(path) and value == HIDDEN:
        return old
    if isinstance(value, list):
        whole = {masked(one): one for one in old if isinstance(one, str)} if isinstance(old, list) else {}
        return [whole.get(one, one) for one in value]
    return old if isinstance(old, str) and value == masked(old) else value


def _type_of(setting: Setting) -> Literal["text", "number", "boolean", "list", "choice", "time", "size"]:
    if setting.choices:
        return "choice"
    if setting.type == Many:
        return "list"
    if setting.type is bool:
        return "boolean"
    if setting.type is str:
        return "text"
    if setting.metavar in {"TIME", "SIZE"}:
        return "time" if setting.metavar == "TIME" else "size"
    return "number"


_ONE = "/api/v1/settings/{path}"
ROUTES = (
    Route(
        method="GET",
        path="/api/v1/settings",
        area=AREA,
        role=Role.VIEWER,
        handler=list_settings,
        summary="All settings, and where each was said",
        answer=Settings,
        problems=(503,),
    ),
    Route(
        method="PATCH",
        path="/api/v1/settings",
        area=AREA,
        role=Role.ADMIN,
        handler=change_settings,
        summary="Change settings",
        body=SettingsChange,
        answer=ChangedSettings,
        problems=(409, 412, 422, 503),
        max_body=1024 * 1024,
    ),
    Route(
        method="GET",
        path=_ONE,
        area=AREA,
        role=Role.VIEWER,
        handler=show_setting,
        summary="One setting",
        answer=SettingView,
        problems=(404, 503),
    ),
    Route(
        method="DELETE",
        path=_ONE,
        area=AREA,
        role=Role.ADMIN,
        handler=reset_setting,
        summary="Back to the default",
        answer=ChangedSettings,
        problems=(404, 412, 422, 503),
    ),
)
