"""What is loaded when: nothing of the control plane's weight before DNS is answered, and none of it in a worker."""

import subprocess
import sys

import pytest

HEAVY = {"aiohttp", "argon2", "cryptography", "prometheus_client", "pyotp", "sqlite3", "webauthn"}


def loaded_by(*modules: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after importing these."""
    code = f"import {', '.join(modules)}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_probe_sees_what_is_loaded():
    assert {"sqlite3", "aiohttp"} <= loaded_by("sqlite3", "aiohttp")


def test_nothing_heavy_is_loaded_before_the_first_worker_runs():
    assert loaded_by("mirage_hole.cli.serve", "mirage_hole.runtime.supervisor") & HEAVY == set()


@pytest.mark.parametrize("module", ["mirage_hole.runtime.worker_process", "mirage_hole.runtime.worker"])
def test_a_worker_loads_nothing_of_the_control_plane(module):
    assert loaded_by(module) & (HEAVY | {"click", "msgspec", "ssl"} - {"cryptography"}) <= {"ssl"}


def test_a_server_without_https_loads_no_cryptography_for_its_door():
    assert "cryptography" not in loaded_by("mirage_hole.api.server", "mirage_hole.runtime.web_service")
