"""The supervisor's start, in the order that matters: ports, then privileges, then the first worker, then everything else.

The composition root of the product. Nothing heavy may be imported before the workers run: they answer while the web part
still loads.
"""

from __future__ import annotations

import contextlib
import logging
import signal
from typing import TYPE_CHECKING, NoReturn

from mirage_hole.config.settled import Endpoint
from mirage_hole.runtime import logs, privileges
from mirage_hole.runtime.activation import inherited
from mirage_hole.runtime.control_socket import listen
from mirage_hole.runtime.cookie_secrets import CookieSecrets
from mirage_hole.runtime.early_web import get_early
from mirage_hole.runtime.generation import OWN_RULES, usable_generation
from mirage_hole.runtime.listeners import adopt, bind_web, listen_on
from mirage_hole.runtime.local_data import LOCAL
from mirage_hole.runtime.notify import ServiceManager
from mirage_hole.runtime.pause_service import PauseService
from mirage_hole.runtime.plan import worker_settings
from mirage_hole.runtime.upstream_names import UpstreamNames
from mirage_hole.runtime.workers import Workers

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mirage_hole.config.read import Reading
    from mirage_hole.config.settled import Settled
    from mirage_hole.config.stored import Stored
    from mirage_hole.runtime.listeners import Listeners

log = logging.getLogger(__name__)


def serve(
    settled: Settled,
    reload: Callable[[], Settled] | None = None,
    read: Callable[[Stored | None], Reading] | None = None,
    *,
    command: Sequence[str] | None = None,
) -> int:
    """Serve until a signal ends it; the exit code.

    Signals: SIGTERM and SIGINT finish what is in work and end, a second one ends at once; SIGHUP reads configuration and
    lists again; SIGUSR1 switches the log level to DEBUG and back, SIGUSR2 to WARNING and back.

    Args:
        settled: the settings.
        reload: reads the configuration again, for SIGHUP; may raise StartupError. None: only the lists are read again.
        read: what the configuration comes to, with this in the place of what is stored. None: settings can't be changed here.
        command: replaces the workers' interpreter and arguments, for tests.

    Raises:
        StartupError: a port is refused, the account or the state directory can't be used; nothing was started.
    """
    handler = logs.configure(settled.log_level, settled.log_format)
    manager = ServiceManager()
    given = inherited()
    listeners = adopt(given, settled.workers) or listen_on(settled.listen, settled.workers)
    with contextlib.closing(listeners):
        _log_listeners(listeners)
        web = _web_socket(settled, given.web)
        early = get_early(settled)
        privileges.settle(settled.user, settled.state_directory, _read_later(settled))
        names = UpstreamNames(settled)
        settled = names.addressed()
        workers = Workers(listeners, worker_settings(settled), command)
        newest = _newest(settled.state_directory)
        workers.use_policy(newest)
        workers.use_own_rules(settled.state_directory / OWN_RULES)
        cookies = CookieSecrets(settled.state_directory, workers)
        cookies.start()
        pause = PauseService(settled.state_directory, workers)
        pause.start()
        workers.use_local(settled.state_directory / LOCAL)
        commands = _command_socket(settled.state_directory)
        # DNS is answered before the control plane, which takes signals itself, is loaded: until then an end is an end, too.
        signal.signal(signal.SIGTERM, _end)
        workers.start()
        try:
            import asyncio

            from mirage_hole.policy.clients import Clients
            from mirage_hole.runtime.control import ControlPlane
            from mirage_hole.runtime.serving import ServingPolicy

            async def run() -> int:
                return await ControlPlane(
                    settled,
                    listeners,
                    workers,
                    ServingPolicy(newest, settled.state_directory / OWN_RULES, Clients(settled.clients)),
                    handler=handler,
                    manager=manager,
                    web=web,
                    early=early,
                    commands=commands,
                    names=names,
                    cookies=cookies,
                    pause=pause,
                    reload=reload,
                    read=read,
                ).run()

            return asyncio.run(run())
        finally:
            workers.kill()


def _end(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


def _web_socket(settled: Settled, given: Sequence[socket.socket]) -> tuple[Endpoint, socket.socket | None] | None:
    """The address that the web server really has and its socket; None for no web server.

    It is bound while there are privileges; a refusal is the web part's to tell, and to try again.
    """
    for number, sock in enumerate(given):
        if number or settled.web is None:
            log.warning(
                "a web socket from the service manager is not used: %s", "there is one" if number else "web = off"
            )
            sock.close()
    if settled.web is None:
        return None
    if given:
        return Endpoint(*given[0].getsockname()[:2]), given[0]
    with contextlib.suppress(OSError):
        return settled.web, bind_web(settled.web)
    return settled.web, None


def _command_socket(state: Path) -> socket.socket | None:
    """The control socket, before anything answers: a command that is given meanwhile waits in it until the control plane is up.

    None when it can't be made; that is its part's to tell, and to try again.
    """
    with contextlib.suppress(OSError):
        return listen(state)
    return None


def _newest(state: Path) -> Path | None:
    try:
        found, problems = usable_generation(state)
    except OSError as problem:
        log.error("the compiled lists can't be read, so nothing is blocked for the moment: %s", problem)
        return None
    for damage in problems:
        serves = f"{found.name} serves" if found else "nothing is blocked until the lists are compiled again"
        log.error("compiled lists are not used: %s; %s", damage, serves)
    return found


def _read_later(settled: Settled) -> list[Path]:
    """Local files that are read again while running."""
    from pathlib import Path

    sources = (*settled.blocklists, *settled.allowlists, *(one.source for one in settled.lists))
    written = [Path(text) for text in (*sources, *settled.local.hosts, *settled.local.leases) if text.startswith("/")]
    return [*([settled.config_file] if settled.config_file is not None else []), *written]


def _log_listeners(listeners: Listeners) -> None:
    how = "taken over from the service manager" if listeners.activated else "bound"
    log.debug("%s: %s", how, ", ".join(map(str, listeners.endpoints)))
