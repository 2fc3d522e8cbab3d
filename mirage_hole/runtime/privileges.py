"""Gives up root once the ports are bound: no supplementary groups, no capabilities, no way back (PR_SET_NO_NEW_PRIVS).

Without a ``user`` setting the account is ``mirage-hole`` if it exists, else ``nobody``; root stays root, with a warning, when
that account can't read the program (a checkout under /root) or reach the state directory.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import pwd
import select
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from mirage_hole.runtime import state
from mirage_hole.runtime.errors import BAD_CONFIG, StartupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

log = logging.getLogger(__name__)

OWN_ACCOUNT: Final = "mirage-hole"
_FALLBACK: Final = "nobody"
_NEEDED: Final = ("mirage_hole.runtime.worker", "orjson", "marisa_trie", "aiohttp")
_ADVICE: Final = "install the program where everybody can read it (not below /root), choose another state_directory, or write user = root"
_CHECK_FOR: Final = 5.0
"""Seconds; a file system that needs longer to answer access(2) is as good as not readable."""

# linux/prctl.h, linux/capability.h
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3: Final = 0x20080522


class Account(NamedTuple):
    """Whom to become."""

    name: str
    uid: int
    gid: int
    home: str


def settle(user: str | None, state_directory: Path, read_later: Iterable[Path] = ()) -> Account | None:
    """Prepare the state directory and drop root for good.

    Args:
        user: the account's name or number; None for the automatic choice; ``root`` to stay.
        read_later: files that will be read again while running, such as the configuration; a warning names each that the
            new account can't read.

    Returns:
        The account this process has become; None when it stays who it is.

    Raises:
        StartupError: the account does not exist or can't read the program; the state directory can't be used.
    """
    account = _choose(user, state_directory)
    if not state.prepare(state_directory, None if account is None else (account.uid, account.gid)):
        log.error("no list can be stored until this is put right; DNS is served nevertheless")
    if account is not None:
        for path in unreachable(account, [(path, os.R_OK) for path in read_later if path.exists()]) or ():
            log.warning(
                "%s can't be read by the account %s: it will be missed when it is needed again", path, account.name
            )
        become(account)
    seal()
    return account


def _choose(user: str | None, state_directory: Path) -> Account | None:
    if os.geteuid() != 0:
        me = pwd.getpwuid(os.geteuid()).pw_name if _exists(os.geteuid()) else str(os.geteuid())
        if user and user not in (me, str(os.geteuid())):
            log.warning("user = %s is not used: only root can become somebody else, and this is %s", user, me)
        return None
    account = find_account(user) if user else _automatic()
    if account is None or account.uid == 0:
        return None
    missing = unreachable(account, [*_program(), *state.way_to(state_directory)])
    if missing == []:
        return account
    # Nobody may change accounts in a container without CAP_SETUID.
    trouble = "can't be taken on here" if missing is None else f"can't reach {', '.join(map(str, missing))}"
    if user:
        message = f"user = {user}: this account {trouble}; {_ADVICE}"
        raise StartupError(message, BAD_CONFIG)
    log.warning("still running as root: the account %s %s; %s", account.name, trouble, _ADVICE)
    return None


def find_account(user: str) -> Account:
    """The account with this name or number.

    Raises:
        StartupError: there is none.
    """
    try:
        entry = pwd.getpwuid(int(user)) if user.isascii() and user.isdigit() else pwd.getpwnam(user)
    except (KeyError, OverflowError):
        message = (
            f"user = {user}: there is no such account; create it with "
            f"sudo useradd --system --shell /usr/sbin/nologin {OWN_ACCOUNT} and write user = {OWN_ACCOUNT}, "
            "or leave the setting out"
        )
        raise StartupError(message, BAD_CONFIG) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)


def unreachable(account: Account, paths: Sequence[tuple[Path, int]]) -> list[Path] | None:
    """Which of the paths the account can't use; each comes with a mode for ``os.access``. None: it can't be taken on.

    A child process becomes the account and tries: nothing else knows ACLs, mount options and security modules.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - measured in the parent only
        try:
            _set_ids(account)
            os.write(writer, b"." + bytes(os.access(path, mode) for path, mode in paths))
        finally:
            os._exit(0)
    os.close(writer)
    try:
        readable, _, _ = select.select([reader], [], [], _CHECK_FOR)
        answer = os.read(reader, len(paths) + 1) if readable else b""
    finally:
        os.close(reader)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if len(answer) != len(paths) + 1:
        return None
    return [path for (path, _), usable in zip(paths, answer[1:], strict=True) if not usable]


def become(account: Account) -> None:
    """Turn from root into the account, for good.

    Raises:
        StartupError: the kernel did not do it; nothing may run half way.
    """
    try:
        _set_ids(account)
    except OSError as problem:
        message = f"can't become the account {account.name}: {problem.strerror}"
        raise StartupError(message, BAD_CONFIG) from problem
    with contextlib.suppress(OSError):
        os.setuid(0)
        message = f"root came back after becoming {account.name}; refusing to run"
        raise StartupError(message, BAD_CONFIG)
    os.umask(0o027)
    os.environ.update(HOME=account.home, USER=account.name, LOGNAME=account.name)


def seal() -> None:
    """Forbid new privileges and, unless root stays root, give up every capability. Best effort: a sandbox may forbid it."""
    if sys.platform != "linux":
        return
    import ctypes  # here, as nothing else in this process needs it

    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0)))
    if os.geteuid() != 0:
        libc.prctl(_PR_CAP_AMBIENT, *map(ctypes.c_ulong, (_PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)))
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        libc.capset(header, (ctypes.c_uint32 * 6)())


def _set_ids(account: Account) -> None:
    os.setgroups([])
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)


def _automatic() -> Account | None:
    for name in (OWN_ACCOUNT, _FALLBACK):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir)
    log.warning("still running as root: create the account %s with sudo useradd --system %s", OWN_ACCOUNT, OWN_ACCOUNT)
    return None


def _program() -> list[tuple[Path, int]]:
    """The files without which no worker starts."""
    specs = (importlib.util.find_spec(name) for name in _NEEDED)
    files = [Path(spec.origin) for spec in specs if spec is not None and spec.origin and Path(spec.origin).exists()]
    return [(Path(sys.executable), os.X_OK), (Path(os.__file__), os.R_OK), *((path, os.R_OK) for path in files)]


def _exists(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
