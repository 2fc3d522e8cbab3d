from __future__ import annotations

import pytest

from mirage_hole.net import mmsg


@pytest.fixture(params=["fast", "portable"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test on both: with the batch calls of Linux, and without."""
    if request.param == "portable":
        monkeypatch.setattr(mmsg, "supported", lambda: False)
    elif not mmsg.supported():
        pytest.skip("this system has no recvmmsg")
    return request.param
