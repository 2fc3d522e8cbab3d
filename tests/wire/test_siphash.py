"""SipHash-2-4 against the vectors of its authors (https://github.com/veorq/SipHash, vectors.h)."""

from __future__ import annotations

import pytest

from mirage_hole.wire.siphash import siphash24

KEY = bytes(range(16))
VECTORS = [
    "310e0edd47db6f72",
    "fd67dc93c539f874",
    "5a4fa9d909806c0d",
    "2d7efbd796666785",
    "b7877127e09427cf",
    "8da699cd64557618",
    "cee3fe586e46c9cb",
    "37d1018bf50002ab",
    "6224939a79f5f593",
    "b0e4a90bdf82009e",
    "f3b9dd94c5bb5d7a",
    "a7ad6b22462fb3f4",
    "fbe50e86bc8f1e75",
    "903d84c02756ea14",
    "eef27a8e90ca23f7",
    "e545be4961ca29a1",
]


@pytest.mark.parametrize(("length", "digest"), list(enumerate(VECTORS)))
def test_it_hashes_as_its_authors_do(length, digest):
    assert siphash24(KEY, bytes(range(length))).hex() == digest


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_a_key_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match=f"a key of {length} octets"):
        siphash24(bytes(length), b"")
