"""Starts the compiler process and waits for it, with a deadline; for the control plane's event loop."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from mirage_hole.runtime.child import environment
from mirage_hole.runtime.compile_job import CompileResult

if TYPE_CHECKING:
    from mirage_hole.runtime.compile_job import CompileJob

TIMEOUT = 900.0
"""Seconds. The compiler only gets the processor when nobody else wants it, so this is no measure of its work."""

_PARTING_WORDS = 2000  # octets of standard error that are worth repeating


async def compile_generation(job: CompileJob, timeout: float = TIMEOUT) -> CompileResult:  # noqa: ASYNC109 - the process is killed, not only left
    """Compile in a process of its own. Never raises for what the process does; see ``ok`` and ``error`` of the result.

    The process is killed when ``timeout`` (seconds) is over or the caller is cancelled; nothing half-written stays.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "mirage_hole.runtime.compiler",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
            start_new_session=True,  # an interrupt from the terminal is the supervisor's to handle
        )
    except OSError as problem:
        return CompileResult(ok=False, error=f"can't start the compiler: {problem.strerror or problem}")
    try:
        async with asyncio.timeout(timeout):
            output, errors = await process.communicate(job.to_json())
    except TimeoutError:
        return CompileResult(ok=False, error=f"the compiler was not done after {timeout:g} s; it was stopped")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    code = process.returncode or 0
    try:
        return CompileResult.from_json(output)
    except (ValueError, KeyError, TypeError):
        last_words = errors[-_PARTING_WORDS:].decode("utf-8", "replace").strip().rpartition("\n")[2]
        ending = f"signal {-code}" if code < 0 else f"exit code {code}"
        return CompileResult(
            ok=False, error=f"the compiler ended with {ending} and no result: {last_words or 'it said nothing'}"
        )
