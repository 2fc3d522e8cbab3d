from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.policy.keys import key_at, key_of, name_of
from mirage_hole.wire.names import fold, from_text, labels_of

labels = st.binary(min_size=1, max_size=63) | st.sampled_from([b".", b"a.b", b"a" * 46, b"\0", b"0", b"x\x03com"])
names = st.lists(labels, max_size=3).map(
    lambda parts: fold(b"".join(bytes((len(one),)) + one for one in parts) + b"\0")
)


def test_a_key_is_the_text_backwards():
    assert key_of(from_text("ads.example.com")) == b"moc.elpmaxe.sda"
    assert key_of(b"\0") == b""


@given(names)
def test_a_key_says_which_name_it_was(name):
    assert name_of(key_of(name)) == name
    assert key_at(name, labels_of(name)) == key_of(name)


@given(names, names)
def test_different_names_have_different_keys(one, other):
    assert (key_of(one) == key_of(other)) == (one == other)


@given(names)
def test_the_key_of_a_name_above_is_the_beginning(name):
    for offset in labels_of(name):
        above = key_of(name[offset:])
        assert key_of(name).startswith(above)
        assert len(key_of(name)) - len(above) == offset
