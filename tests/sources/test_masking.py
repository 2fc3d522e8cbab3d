"""Secrets in addresses are shown nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.sources.masking import masked

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://joe:hunter2@example.net/list", "https://***@example.net/list"),
        ("https://joe:hun@ter2@example.net/list", "https://***@example.net/list"),
        (f"https://joe:{SECRET * 100}@example.net/", "https://***@example.net/"),
        ("https://example.net/l?format=hosts&token=hunter2", "https://example.net/l?format=hosts&token=***"),
        ("https://example.net/l?access_token=hunter2#top", "https://example.net/l?access_token=***#top"),
        ("https://s3.example/l?X-Amz-Signature=hunter2&b=1", "https://s3.example/l?X-Amz-Signature=***&b=1"),
        ("https://example.net/l?API-KEY=hunter2;x=1", "https://example.net/l?API-KEY=***;x=1"),
        ("got 'https://a:hunter2@one.example/' and http://b:hunter2@two.example/",
         "got 'https://***@one.example/' and http://***@two.example/"),
    ],
)  # fmt: skip
def test_logins_and_tokens_are_masked_and_nothing_else(text, shown):
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    ["https://example.net/list.txt?format=hosts&v=2", "https://example.net/@joe/list", "joe@example.net", "starter"],
)
def test_what_holds_no_secret_stays_as_it_is(text):
    assert masked(text) == text


@given(st.text(st.characters(codec="utf-8", exclude_characters="/?#'\" \t\n\r\f\v", exclude_categories=["Z", "C"])))
def test_no_password_ever_shows(password):
    assert masked(f"https://joe:{password}:hunter2@example.net/list") == "https://***@example.net/list"
