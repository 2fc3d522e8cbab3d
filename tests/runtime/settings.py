"""Settings for the supervisor's tests: loopback, ports from the kernel, no lists, no upstream that answers."""

from pathlib import Path

from mirage_hole.config.settled import Endpoint, LocalSettings, RecordSettings, Settled


def a_settled(state, **changes):
    """Settings with ``state`` as the state directory."""
    values = {
        "listen": (Endpoint("127.0.0.1", 0),),
        "web": None,
        "web_anywhere": False,
        "web_open_for": ("127.0.0.0/8", "::1/128"),
        "blocklists": (),
        "allowlists": (),
        "upstreams": (Endpoint("127.0.0.1", 9),),
        "timeout": 1.0,
        "cache_bytes": 1_000_000,
        "block_mode": "null",
        "block_ipv4": "",
        "block_ipv6": "",
        "block_ttl": 10,
        "workers": 1,
        "allow_from": ("127.0.0.0/8", "::1/128"),
        "refresh_every": 86400.0,
        "state_directory": Path(state),
        "user": "root",
        "log_level": "INFO",
        "log_format": "text",
        "config_file": None,
    }
    return Settled(**(values | changes))


def from_json(raw):
    """The same from JSON: endpoints as [address, port]."""
    changes = dict(raw)
    state = changes.pop("state_directory")
    for name in ("listen", "upstreams"):
        if name in changes:
            changes[name] = tuple(Endpoint(*end) for end in changes[name])
    if "local" in changes:
        changes["local"] = LocalSettings(**changes["local"])
    if "records" in changes:
        changes["records"] = tuple(RecordSettings(*record) for record in changes["records"])
    if changes.get("web"):
        changes["web"] = Endpoint(*changes["web"])
    for name in ("blocklists", "allowlists", "allow_from"):
        if name in changes:
            changes[name] = tuple(changes[name])
    return a_settled(state, **changes)
