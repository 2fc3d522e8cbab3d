from __future__ import annotations

from config.machine import reading
from mirage_hole.config.read import report


def test_a_reading_has_settings_or_problems_and_never_both(tmp_path):
    assert reading(tmp_path).settled is not None
    assert reading(tmp_path, {"server.port": "x"}).settled is None


def test_the_report_counts_the_problems_and_puts_each_on_a_line(tmp_path):
    one = report(reading(tmp_path, {"server.port": "x"}).loaded)
    assert one.startswith("the configuration has a problem:\n  server.port = 'x' (--port): ")
    two = report(reading(tmp_path, {"server.port": "x", "server.workers": "y"}).loaded).splitlines()
    assert two[0] == "the configuration has 2 problems:"
    assert len(two) == 3
