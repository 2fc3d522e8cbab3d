from __future__ import annotations

import logging
from types import SimpleNamespace

from mirage_hole.runtime.outage import Outage


def upstreams(*well):
    return [SimpleNamespace(address=f"192.0.2.{number}:53", healthy=one) for number, one in enumerate(well, 1)]


def test_an_outage_is_said_once_and_so_is_its_end(caplog):
    caplog.set_level(logging.INFO)
    outage = Outage()
    for well in (
        (True, True),
        (False, True),
        (False, False),
        (False, False),
        (),
        (False, False),
        (False, True),
        (True, True),
    ):
        outage.note(upstreams(*well))
    said = [(record.levelno, record.getMessage()) for record in caplog.records]
    told = "no upstream answers (192.0.2.1:53, 192.0.2.2:53); what is known is answered, the rest is SERVFAIL"
    assert said == [(logging.ERROR, told), (logging.INFO, "192.0.2.2:53 answers again")]


def test_who_has_no_upstreams_has_no_outage(caplog):
    Outage().note([])
    assert not caplog.records
