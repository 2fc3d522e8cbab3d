"""dnspython and cryptography: at hand when they are needed, and not before."""

from __future__ import annotations

import subprocess
import sys

import dns.dnssec
import pytest

from mirage_hole.dnssec import crypto
from tests.dnssec.zones import Key, n


def test_a_worker_that_validates_nothing_loads_neither():
    program = (
        "import sys, mirage_hole.runtime.worker, mirage_hole.dnssec.chain;"
        "print([name for name in ('dns', 'cryptography') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=50)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("kind", "name"), [(1, "SHA1"), (2, "SHA256"), (4, "SHA384")])
def test_digests_are_those_of_ds_records(kind, name):
    key = Key().record
    wanted = dns.dnssec.make_ds(n("example."), key, name, policy=dns.dnssec.allow_all_policy).digest
    assert crypto.digest_of(b"\x07example\0", key.to_wire(), kind) == wanted


def test_a_broken_key_has_no_digest():
    assert crypto.digest_of(b"\0", b"\1\1", 2) == b""


@pytest.mark.parametrize(
    ("key", "good"),
    [
        (b"\3\1\0\1" + b"x" * 256, True),
        (b"\3\1\0\1" + b"x" * 512, True),
        (b"\3\1\0\1" + b"x" * 513, False),  # over 4,096 bits
        (b"\x09" + b"\1" * 9 + b"x" * 256, False),  # an exponent that only costs time
        (b"\0\0\3\1\0\1" + b"x" * 256, True),
        (b"\0\1\0" + b"\1" * 256 + b"x" * 256, False),
        (b"", False),
        (b"\3\1\0\1", False),
    ],
)
def test_rsa_keys_of_unreasonable_sizes_are_not_worked_with(key, good):
    assert crypto.usable_key(b"\1\1\3\x08" + key) is good
    assert crypto.usable_key(b"\1\1\3\x0d" + key)  # other algorithms have keys of one size
