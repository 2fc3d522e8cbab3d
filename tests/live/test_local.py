"""Local names from a hosts file that changes while the server runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.clients import dig

from .conftest import Sinkhole, wait_for

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("aging")]


def test_a_changed_hosts_file_counts_while_the_server_runs(sinkhole: Callable[..., Sinkhole], tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("10.0.0.5 printer.home.lab printer\n")
    started = sinkhole(config=f'[local]\nhosts = ["{hosts}"]\n')
    # At the very first start local data come a moment after the first answer.
    wait_for(lambda: dig(started.port, "printer.home.lab").data("A") == ["10.0.0.5"], "the first look")
    assert dig(started.port, "-x", "10.0.0.5").data("PTR") == ["printer.home.lab."]
    renamed = tmp_path / "hosts.new"  # as editors and dnsmasq write: beside, then renamed
    renamed.write_text("10.0.0.6 printer.home.lab\n10.0.0.7 scanner.home.lab\n")
    renamed.replace(hosts)
    wait_for(lambda: dig(started.port, "printer.home.lab").data("A") == ["10.0.0.6"], "the new address")
    assert dig(started.port, "scanner.home.lab").data("A") == ["10.0.0.7"]
    with hosts.open("a") as file:  # and in place
        file.write("10.0.0.8 lamp.home.lab\n")
    wait_for(lambda: dig(started.port, "lamp.home.lab").data("A") == ["10.0.0.8"], "the new line")
