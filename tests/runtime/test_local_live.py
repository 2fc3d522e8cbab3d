"""Local data in a whole server: a supervisor and a true worker."""

from __future__ import annotations

import socket
import time

import dns.message
import dns.rcode

from tests.make import texts
from tests.runtime.test_supervisor import PATIENCE, a_supervisor

__all__ = ["a_supervisor"]


def ask(port: int, name: str, qtype: str = "A") -> dns.message.Message:
    query = dns.message.make_query(name, qtype)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.sendto(query.to_wire(), ("127.0.0.1", port))
        return dns.message.from_wire(sock.recv(4096))


def until_answered(port: int, name: str, expected: list[str], qtype: str = "A") -> None:
    deadline = time.monotonic() + PATIENCE
    while (found := texts(ask(port, name, qtype).answer)) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def write(path, text: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


def test_a_changed_hosts_file_counts_without_a_restart(a_supervisor, tmp_path):
    hosts = tmp_path / "hosts"
    write(hosts, "192.168.1.5 nas\n")
    supervisor = a_supervisor(mode="", local={"hosts": [str(hosts)], "serves_domain": True})
    port = supervisor.port()
    until_answered(port, "nas.lan", ["nas.lan. 60 A 192.168.1.5"])
    until_answered(port, "5.1.168.192.in-addr.arpa", ["5.1.168.192.in-addr.arpa. 60 PTR nas.lan."], "PTR")
    write(hosts, "192.168.1.6 nas\n192.168.1.7 tv\n")
    until_answered(port, "nas.lan", ["nas.lan. 60 A 192.168.1.6"])
    until_answered(port, "tv.lan", ["tv.lan. 60 A 192.168.1.7"])
    assert ask(port, "gone.lan").rcode() == dns.rcode.NXDOMAIN
    write(hosts, "this is no hosts file\n")
    supervisor.until("its 2 records of before stay")
    until_answered(port, "nas.lan", ["nas.lan. 60 A 192.168.1.6"])
    assert supervisor.end() == 0


def test_the_servers_name_leads_to_it_and_new_records_count_after_a_hangup(a_supervisor):
    records = [["printer.lan", "A", "192.168.1.9"]]
    supervisor = a_supervisor(mode="", local={"serves_domain": True}, records=records)
    port = supervisor.port()
    until_answered(port, "mirage.hole", ["mirage.hole. 60 A 127.0.0.1"])
    until_answered(port, "printer.lan", ["printer.lan. 60 A 192.168.1.9"])
    supervisor.configure(records=[["printer.lan", "A", "192.168.1.10"]])
    supervisor.signal(1)
    until_answered(port, "printer.lan", ["printer.lan. 60 A 192.168.1.10"])
    assert supervisor.end() == 0
