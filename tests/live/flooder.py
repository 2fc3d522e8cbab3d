"""Sends one query over and over from one address, without listening: ``python -m tests.live.flooder PORT SOURCE RATE SECONDS``."""

from __future__ import annotations

import socket
import sys
import time

import dns.message

BATCH = 50


def main() -> int:
    """Send."""
    port, source, rate, seconds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    wire = dns.message.make_query("flood.doubleclick.net", "A", use_edns=0, payload=1232).to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)  # nobody listens
        sent, began = 0, time.monotonic()
        while (now := time.monotonic() - began) < seconds:
            if sent >= rate * now:
                time.sleep(0.001)
                continue
            for _ in range(BATCH):
                sock.sendto(wire, ("127.0.0.1", port))
            sent += BATCH
    return 0


if __name__ == "__main__":
    sys.exit(main())
