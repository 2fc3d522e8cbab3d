"""What visitors may take leaves enough for the rest."""

import resource

import pytest

from mirage_hole.api.limits import Limits, affordable


@pytest.mark.parametrize(("soft", "most"), [(64, 16), (256, 64), (1024, 128), (resource.RLIM_INFINITY, 128)])
def test_visitors_never_take_the_descriptors_that_starting_a_worker_needs(monkeypatch, soft, most):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, resource.RLIM_INFINITY))
    assert affordable() == most
    assert Limits().connections == most
