"""A worker without DNS: speaks the channel's language and misbehaves as its first argument says.

It imports nothing of the program, so it starts in a few milliseconds.
"""

import json
import os
import select
import signal
import socket
import sys
import time

BIG = b"R" + bytes(4) + b"x" * 1000


def main(mode):
    settings = json.load(sys.stdin)
    channel = socket.socket(fileno=settings["channel_fd"])

    def say(**message):
        channel.send(json.dumps(message).encode())

    if mode == "crash" or (mode == "crash-with-policy" and settings["policy_path"]):
        return 3
    if mode == "crash-with-upstream-666" and ["127.0.0.1", 666] in settings["upstreams"]:
        return 3
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode != "mute":
        say(**{"is": "ready", "pid": os.getpid(), "generation": 7 if settings["policy_path"] else 0})
    say(**{"is": "counters", "settings": settings, "environment": sorted(os.environ), "told": None})
    if mode == "nonsense":
        channel.send(b"{nonsense")
        channel.send(b"[]")
    if mode == "frames":
        for _ in range(200):
            channel.send(BIG)
    while True:
        readable, _, _ = select.select([channel], [], [], 0.05)
        message = channel.recv(65536) if readable else None
        if message == b"":
            return 0
        told = json.loads(message) if message else None
        if told and told["do"] == "policy" and mode != "silent":
            name = told["path"].rpartition("/")[2]
            ok = {"ok": True, "generation": int(name)} if name.isdigit() else {"ok": False, "error": "damaged"}
            say(**{"is": "policy", **ok})
        if told == {"do": "drain"} and mode != "stubborn":
            if mode == "slow-drain":
                time.sleep(0.3)
            say(**{"is": "counters", "settings": settings, "told": told})
            return 0
        if mode != "silent":
            say(**{"is": "counters", "settings": settings, "told": told})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
