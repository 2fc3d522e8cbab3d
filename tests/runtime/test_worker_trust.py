"""What a worker makes of the trust it is told of."""

from __future__ import annotations

from mirage_hole.config.settled import TrustSettings
from mirage_hole.dnssec.anchors import ROOT_TRUST, Trust
from mirage_hole.dnssec.keys import DS
from mirage_hole.runtime.plan import worker_settings
from mirage_hole.runtime.worker import _trust
from mirage_hole.wire.names import from_text

from .settings import a_settled


def test_without_a_word_the_root_is_trusted(tmp_path):
    assert _trust(worker_settings(a_settled(tmp_path))) == ROOT_TRUST


def test_anchors_replace_the_roots_and_names_may_count_as_unsigned(tmp_path):
    digest = "ab" * 32
    trust = TrustSettings((("example", 1, 13, 2, digest), ("example", 2, 13, 2, digest)), ("corp.example",))
    assert _trust(worker_settings(a_settled(tmp_path, trust=trust))) == Trust(
        {from_text("example"): (DS(1, 13, 2, bytes.fromhex(digest)), DS(2, 13, 2, bytes.fromhex(digest)))},
        frozenset({from_text("corp.example")}),
    )
