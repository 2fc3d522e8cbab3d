"""The systemd units: understood by systemd, and as closed as they can be."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
SERVICE, SOCKET = PACKAGING / "mirage-hole.service", PACKAGING / "mirage-hole.socket"

with_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")


def settings(path, section):
    """The settings of a section; of a repeated one, all values."""
    found = {}
    current = ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            current = line.strip("[]")
        elif current == section and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("guide", ["README.md", "docs/service.md"])
def test_the_service_starts_what_the_guides_install(guide):
    program = settings(SERVICE, "Service")["ExecStart"][0].split()[0]
    assert f"sudo {program.removesuffix('mirage-hole')}pip install ." in (PACKAGING.parent / guide).read_text()


@with_systemd
def test_the_service_is_exposed_as_little_as_possible():
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", SERVICE], capture_output=True, text=True
    )
    exposure = float(re.search(r"Overall exposure level for mirage-hole\.service: ([\d.]+)", done.stdout)[1])
    assert exposure <= 2.0


@with_systemd
def test_systemd_understands_both_units(tmp_path):
    for unit in (SERVICE, SOCKET):
        text = unit.read_text()
        (tmp_path / unit.name).write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    done = subprocess.run(
        ["systemd-analyze", "verify", *tmp_path.iterdir()], capture_output=True, text=True, check=False
    )
    assert "mirage-hole" not in done.stderr, done.stderr


def test_the_service_fits_the_program():
    service = settings(SERVICE, "Service")
    assert service["Type"] == ["notify"]
    assert service["KillMode"] == ["mixed"]  # the supervisor drains its workers
    assert service["RestartPreventExitStatus"] == ["78"]
    assert service["AmbientCapabilities"] == service["CapabilityBoundingSet"] == ["CAP_NET_BIND_SERVICE"]
    assert service["SystemCallErrorNumber"] == ["EPERM"]  # giving up capabilities is best effort, not a reason to die


def test_the_socket_gives_both_families_and_both_transports():
    sockets = settings(SOCKET, "Socket")
    assert sockets["ListenDatagram"] == sockets["ListenStream"] == ["0.0.0.0:53", "[::]:53"]
    assert sockets["BindIPv6Only"] == ["ipv6-only"]


@pytest.mark.parametrize("unit", [SERVICE, SOCKET])
def test_the_units_are_plain_ini(unit):
    parser = configparser.RawConfigParser(strict=False, delimiters="=", comment_prefixes="#")
    parser.read_string(unit.read_text())
    assert "Install" in parser
