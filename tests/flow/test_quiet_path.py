"""The short way through the stages, which nearly every query takes, says what the whole list of stages says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirage_hole.policy.limits import ClientLimits
from tests.make import Conversation, address

NAMES = st.sampled_from(
    ["ads.example", "a.ads.example", "www.example", "localhost", "x.internal", "nas", ".", "1.0.0.10.in-addr.arpa",
     "use-application-dns.net", "id.server", "version.bind", "good.ads.example"]
)  # fmt: skip
TYPES = st.sampled_from(["A", "AAAA", "HTTPS", "TXT", "ANY", "AXFR", "NS", "PTR", "MX", "TYPE65000"])
CLIENTS = st.sampled_from(["127.0.0.1", "10.0.0.7", "198.51.100.1", "::1", "2001:db8::1"])


def conversation(*, whole: bool) -> Conversation:
    found = Conversation(blocks=["||ads.example^"], allows=["good.ads.example"])
    found.engine.block_types([15])
    if whole:
        found.engine.limits = ClientLimits(1000, 1000)
        found.engine.limits.busy = True  # so that no stage is left out
    return found


QUERIES = st.lists(
    st.tuples(NAMES, TYPES, CLIENTS, st.sampled_from(["udp", "tcp"]), st.sampled_from(["IN", "IN", "IN", "CH", "ANY"]),
              st.booleans(), st.sampled_from(["RD", "RD", "RD CD", ""])),
    min_size=1, max_size=12,
)  # fmt: skip


@given(QUERIES)
def test_the_short_way_and_the_whole_list_of_stages_say_the_same(queries):
    short, whole = conversation(whole=False), conversation(whole=True)
    for number, (name, qtype, client, transport, qclass, edns, flags) in enumerate(queries):
        how = {"client": client, "transport": transport, "qclass": qclass, "edns": edns, "flags": flags}
        said = [one.ask(name, qtype, ident=number, ticket=number, **how).effects for one in (short, whole)]
        assert said[0] == said[1]


@pytest.mark.parametrize("client", ["198.51.100.1", "2001:db8::1"])
def test_a_stranger_is_a_stranger_at_the_second_look(client):
    found = conversation(whole=False)
    assert not found.engine.access.permits(address(client))
    for _ in range(3):
        assert found.ask("ads.example", client=client).silent
