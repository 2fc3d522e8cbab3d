"""What the tests of every folder share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine must not fail a test, so no profile has a deadline for one example.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("patient"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: five minutes of chaos, mostly waiting, beside which all else fits."""
    items.sort(key=lambda item: item.path.parts[-2:] != ("live", "test_chaos.py"))


@pytest.fixture(scope="session")
def shared_lists() -> Path:
    """The folder of real lists, which lies beside the repository and not in it."""
    beside = Path(__file__).parents[2] / "shared"
    lists = Path(os.environ.get("MIRAGE_HOLE_SHARED", beside)) / "lists"
    if not lists.is_dir():
        pytest.skip(f"no real lists at {lists}; MIRAGE_HOLE_SHARED can name another place")
    return lists
