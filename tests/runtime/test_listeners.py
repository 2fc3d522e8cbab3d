"""Which sockets are bound, how, and what is said when one is refused."""

import contextlib
import errno
import os
import socket
import sys

import pytest

from mirage_hole.config.settled import Endpoint
from mirage_hole.runtime import listeners
from mirage_hole.runtime.activation import Inherited, inherited
from mirage_hole.runtime.errors import BAD_CONFIG, NO_PERMISSION, UNAVAILABLE, StartupError
from mirage_hole.runtime.refusals import explain, startup_error
from tests.ports import bound_pair

HOME4, HOME6 = Endpoint("127.0.0.1", 0), Endpoint("::1", 0)


@pytest.fixture
def bound():
    """``listen_on`` whose sockets are closed after the test."""
    with contextlib.ExitStack() as stack:

        def listen(*ends, workers=1):
            made = listeners.listen_on(ends, workers)
            stack.callback(made.close)
            return made

        yield listen


@pytest.fixture
def taken():
    """A port of 127.0.0.1 that somebody else holds, for UDP and TCP."""
    udp, tcp = bound_pair()
    with udp, tcp:
        yield tcp.getsockname()[1]


def test_every_worker_gets_its_own_udp_socket_on_every_address(bound):
    made = bound(HOME4, HOME6, workers=3)
    assert [len(worker) for worker in made.udp] == [2, 2, 2]
    assert len({sock.fileno() for worker in made.udp for sock in worker}) == 6
    assert len(made.tcp) == 2
    for worker in made.udp:
        assert [Endpoint(*sock.getsockname()[:2]) for sock in worker] == list(made.endpoints)


def test_port_0_becomes_one_port_for_udp_and_tcp(bound):
    made = bound(HOME4)
    port = made.endpoints[0].port
    assert port != 0
    assert made.udp[0][0].getsockname()[1] == made.tcp[0].getsockname()[1] == port


def test_sockets_do_not_block_and_are_inherited_only_when_passed(bound):
    made = bound(HOME4, HOME6)
    for sock in (*made.udp[0], *made.tcp):
        assert not sock.getblocking()
        assert not sock.get_inheritable()


def test_tcp_accepts_and_ipv6_is_ipv6_only(bound):
    made = bound(HOME4, Endpoint("::", 0))
    assert all(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for sock in made.tcp)
    for sock in (made.udp[0][1], made.tcp[1]):
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="option numbers of Linux")
def test_only_wildcard_sockets_ask_for_the_address_that_was_asked(bound):
    made = bound(Endpoint("0.0.0.0", 0), Endpoint("::", 0), HOME4, HOME6)
    any4, any6, home4, home6 = made.udp[0]
    assert any4.getsockopt(socket.IPPROTO_IP, 8) == 1
    assert home4.getsockopt(socket.IPPROTO_IP, 8) == 0
    assert any6.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO) == 1
    assert home6.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO) == 0


def test_bursts_find_room(bound):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        usual = plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    assert bound(HOME4).udp[0][0].getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) > usual


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_what_the_kernel_had_no_room_for_is_counted(bound):
    made = bound(HOME4, HOME6)
    assert made.lost() == 0
    sock = made.udp[0][0]
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(sock.getsockname())
        for _ in range(200):
            client.send(b"x" * 100)
    there = 0
    with contextlib.suppress(BlockingIOError):
        while sock.recv(200):
            there += 1
    assert 0 < there < 200
    assert made.lost() == 200 - there


def test_both_families_share_a_wildcard_port(bound):
    port = bound(Endpoint("0.0.0.0", 0)).endpoints[0].port
    made = bound(Endpoint("::", port))
    assert made.endpoints == (Endpoint("::", port),)


def test_an_address_that_a_wildcard_covers_is_bound_once(bound):
    port = bound(Endpoint("0.0.0.0", 0)).endpoints[0].port
    assert listeners._without_covered(
        [Endpoint("127.0.0.1", port), Endpoint("0.0.0.0", port), Endpoint("::1", port), Endpoint("::1", port)]
    ) == [Endpoint("0.0.0.0", port), Endpoint("::1", port)]


def test_all_refusals_are_told_at_once_and_nothing_stays_bound(taken):
    free = Endpoint("127.0.0.2", taken)
    with pytest.raises(StartupError) as caught:
        listeners.listen_on([free, Endpoint("127.0.0.1", taken), Endpoint("192.0.2.77", 5399)], 2)
    text = caught.value.message
    assert f"127.0.0.1:{taken} (UDP and TCP): in use by" in text
    assert "192.0.2.77:5399 (UDP and TCP): this machine has no such address" in text
    assert caught.value.exit_code == UNAVAILABLE
    listeners.listen_on([free], 1).close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_whoever_holds_the_port_is_named(taken):
    with pytest.raises(StartupError, match=f"in use by .+ \\(process {os.getpid()}\\)"):
        listeners.listen_on([Endpoint("127.0.0.1", taken)], 1)


def test_a_second_instance_of_the_same_account_is_refused(bound):
    port = bound(HOME4).endpoints[0].port
    with pytest.raises(StartupError, match=r"\(UDP and TCP\): in use"):
        listeners.listen_on([Endpoint("127.0.0.1", port)], 1)


def test_a_link_local_address_needs_a_zone():
    with pytest.raises(StartupError, match="needs a zone") as caught:
        listeners.listen_on([Endpoint("fe80::1", 5399)], 1)
    assert "fe80::1%" in caught.value.message
    assert caught.value.exit_code == BAD_CONFIG


def test_an_unknown_interface_is_named_with_those_that_exist():
    with pytest.raises(StartupError, match="no interface nowhere0") as caught:
        listeners.listen_on([Endpoint("fe80::1%nowhere0", 5399)], 1)
    assert socket.if_nameindex()[0][1] in caught.value.message
    assert caught.value.exit_code == UNAVAILABLE


def without_ipv6(monkeypatch):
    real = socket.socket

    def refuse(family=socket.AF_INET, *rest, **more):
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *rest, **more)

    monkeypatch.setattr(listeners.socket, "socket", refuse)


def test_without_ipv6_the_default_listens_on_ipv4(monkeypatch, bound, caplog):
    without_ipv6(monkeypatch)
    with caplog.at_level("INFO"):
        made = bound(Endpoint("0.0.0.0", 0), Endpoint("::", 0))
    assert [end.address for end in made.endpoints] == ["0.0.0.0"]
    assert "no IPv6" in caplog.text


def test_without_ipv6_an_explicit_address_is_refused(monkeypatch):
    without_ipv6(monkeypatch)
    with pytest.raises(StartupError, match="this machine has no IPv6"):
        listeners.listen_on([HOME4, HOME6], 1)


def test_a_privileged_port_offers_three_remedies(monkeypatch):
    refusal = explain(Endpoint("0.0.0.0", 53), "UDP", PermissionError(errno.EACCES, "Permission denied"))
    error = startup_error([refusal, explain(Endpoint("0.0.0.0", 53), "TCP", PermissionError(errno.EACCES, "no"))])
    assert error.exit_code == NO_PERMISSION
    assert error.message.startswith("can't listen on 0.0.0.0:53 (UDP and TCP): permission denied\n")
    assert f"setcap cap_net_bind_service=+ep {os.path.realpath(sys.executable)}" in error.message
    assert "mirage-hole.service" in error.message
    assert "--port 5353" in error.message
    assert error.message.count("setcap") == 1


def test_a_refusal_on_a_high_port_does_not_blame_the_port():
    refusal = explain(Endpoint("0.0.0.0", 5353), "UDP", PermissionError(errno.EACCES, "Permission denied"))
    assert "setcap" not in refusal.advice
    assert refusal.exit_code == NO_PERMISSION


def test_port_53_in_use_mentions_systemd_resolved(monkeypatch):
    monkeypatch.setattr("mirage_hole.runtime.refusals.holders", lambda *_: [])
    refusal = explain(Endpoint("127.0.0.53", 53), "UDP", OSError(errno.EADDRINUSE, "in use"))
    assert "DNSStubListener=no" in refusal.advice


def test_what_only_a_person_can_change_decides_the_exit_code():
    used = explain(Endpoint("127.0.0.1", 5399), "UDP", OSError(errno.EADDRINUSE, "in use"))
    denied = explain(Endpoint("127.0.0.1", 53), "UDP", OSError(errno.EACCES, "denied"))
    assert startup_error([used, denied]).exit_code == NO_PERMISSION
    assert startup_error([used]).exit_code == UNAVAILABLE


def test_the_web_socket_listens():
    with listeners.bind_web(HOME4) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


# Sockets from the service manager


@pytest.fixture
def given():
    """A UDP, a TCP and a web socket on consecutive descriptors, as a service manager leaves them."""
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(), socket.socket()]
    first = 700
    for number, sock in enumerate(made):
        sock.bind(("127.0.0.1", 0))
        if sock.type == socket.SOCK_STREAM:
            sock.listen()
        os.dup2(sock.fileno(), first + number, inheritable=True)
        sock.close()
    yield first
    for number in range(len(made)):
        with contextlib.suppress(OSError):
            os.close(first + number)


def environ(**changes):
    return {
        "LISTEN_FDS": "3",
        "LISTEN_PID": str(os.getpid()),
        "LISTEN_FDNAMES": "dns:dns:web",
        "PATH": "/bin",
        **changes,
    }


def test_sockets_from_the_service_manager_are_sorted_by_purpose(given):
    variables = environ()
    found = inherited(variables, given)
    assert [len(kind) for kind in found] == [1, 1, 1]
    assert variables == {"PATH": "/bin"}
    assert not found.udp[0].get_inheritable()
    made = listeners.adopt(found, workers=2)
    assert made.activated
    assert [len(worker) for worker in made.udp] == [1, 1]
    made.close()
    found.web[0].close()


def test_sockets_for_another_process_are_left_alone(given):
    found = inherited(environ(LISTEN_PID="1"), given)
    assert found == Inherited([], [], [])
    assert listeners.adopt(found, workers=1) is None


@pytest.mark.parametrize("count", ["", "-1", "many", "٣"])
def test_a_bad_count_means_none(count, given):
    assert inherited(environ(LISTEN_FDS=count), given) == Inherited([], [], [])


def test_a_descriptor_that_is_no_socket_is_refused():
    reader, writer = os.pipe()
    with pytest.raises(StartupError, match=r"socket 0 \(dns\) from the service manager is no socket") as caught:
        inherited(environ(LISTEN_FDS="1"), reader)
    assert caught.value.exit_code == BAD_CONFIG
    os.close(reader)
    os.close(writer)


def test_a_connection_instead_of_a_listener_is_refused():
    with socket.socket() as sock, pytest.raises(StartupError, match="Accept=no"):
        inherited(environ(LISTEN_FDS="1"), sock.fileno())
