"""Rules that are more than a name in a real worker: clients of the configuration, and own rules that come in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.message
import dns.rcode
import orjson
import pytest

from mirage_hole.lists.rule import Action, Reply, RichRule, Target
from mirage_hole.lists.stored import encode_rich
from mirage_hole.policy.policy import empty_policy
from mirage_hole.policy.rich import RichRules
from mirage_hole.policy.verdict import OWN_LIST, Outcome
from mirage_hole.runtime.worker import tell_refused
from tests.flow.rich_rules import rewrite, rich
from tests.make import query, texts
from tests.nameserver import a_nameserver, silence
from tests.net.edge import UdpClient, connected, until
from tests.runtime.processes import a_generation, a_worker

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtime.processes import Worker

pytestmark = pytest.mark.live


def own(folder: Path, *rules: RichRule, name: str = "own.json") -> Path:
    path = folder / name
    path.write_bytes(orjson.dumps([[OWN_LIST, *encode_rich(rule)] for rule in rules]))
    return path


async def rcode(worker: Worker, name: str) -> str:
    with UdpClient(worker.udp) as client:
        return dns.rcode.to_text((await client.ask(query(name))).rcode())


@pytest.mark.parametrize(("networks", "expected"), [(("127.0.0.1/32",), "NXDOMAIN"), (("10.0.0.0/8",), "NOERROR")])
async def test_the_clients_of_the_configuration_are_who_rules_mean(tmp_path, networks, expected):
    path = own(tmp_path, rich("www.example", tags=("child",), reply=Reply.NXDOMAIN))
    clients = (("Kid", networks, ("child",)),)
    async with a_nameserver() as upstream, a_worker(upstream.at, own_rules_path=str(path), clients=clients) as worker:
        for _ in range(3):
            assert await rcode(worker, "www.example") == expected


async def test_the_clients_stay_when_the_own_rules_change(tmp_path):
    path = own(tmp_path, rich("www.example", tags=("child",), reply=Reply.NXDOMAIN))
    clients = (("Kid", ("127.0.0.0/8",), ("child",)),)
    async with a_nameserver() as upstream, a_worker(upstream.at, clients=clients) as worker:
        assert await rcode(worker, "www.example") == "NOERROR"
        worker.child.tell({"do": "own", "path": str(path), "version": 1})
        await until(lambda: any(said["version"] == 1 for said in worker.said("own")))
        assert await rcode(worker, "www.example") == "NXDOMAIN"


async def test_an_own_rule_answers_who_waits_already(tmp_path):
    path = own(tmp_path, rewrite("nas.lan", "A 192.0.2.99"))
    async with a_nameserver(silence) as upstream, a_worker(upstream.at) as worker, connected(worker.tcp) as client:
        await client.send(query("nas.lan"))
        await until(lambda: upstream.heard)
        worker.child.tell({"do": "own", "path": str(path), "version": 1})
        reply = dns.message.from_wire(await client.receive())
        assert texts(reply.answer) == ["nas.lan. 10 A 192.0.2.99"]
        worker.child.drain()
        await worker.ended()
        assert [subject.outcome for subject in worker.records()] == [Outcome.LOCAL]


async def told(worker: Worker, path: Path, version: int) -> dict:
    """Tell it to take own rules; what it says to that."""
    worker.child.tell({"do": "own", "path": str(path), "version": version})
    await until(lambda: any(said["version"] == version for said in worker.said("own")))
    return next(said for said in worker.said("own") if said["version"] == version)


async def test_own_rules_stay_when_new_lists_come(tmp_path):
    path = own(tmp_path, rich("www.example", reply=Reply.NXDOMAIN))
    async with a_nameserver() as upstream, a_worker(upstream.at) as worker:
        assert (await told(worker, path, 1))["ok"]
        assert (await worker.policy(a_generation(tmp_path / "generations", "ads.example")))["ok"]
        assert await rcode(worker, "www.example") == "NXDOMAIN"


@pytest.mark.parametrize("content", [b"{", b"[[1, 2]]", b"\0" * 100])
async def test_damaged_own_rules_are_told_and_the_old_ones_stay(tmp_path, content):
    path = own(tmp_path, rich("www.example", reply=Reply.NXDOMAIN))
    damaged = tmp_path / "damaged.json"
    damaged.write_bytes(content)
    async with a_nameserver() as upstream, a_worker(upstream.at, own_rules_path=str(path)) as worker:
        said = await told(worker, damaged, 1)
        assert (said["ok"], "damaged.json" in said["error"]) == (False, True)
        assert await rcode(worker, "www.example") == "NXDOMAIN"


async def test_own_rules_that_are_damaged_at_the_start_do_not_keep_a_worker_from_serving(tmp_path):
    path = tmp_path / "own.json"
    path.write_bytes(b"{")
    async with a_nameserver() as upstream, a_worker(upstream.at, own_rules_path=str(path)) as worker:
        assert await rcode(worker, "www.example") == "NOERROR"


async def test_of_many_states_the_last_one_counts(tmp_path):
    async with a_nameserver() as upstream, a_worker(upstream.at) as worker:
        for version in range(1, 21):
            rules = [rich(f"n{number}.example", reply=Reply.NXDOMAIN) for number in range(version)]
            path = own(tmp_path, *rules, name=f"{version}.json")
            worker.child.tell({"do": "own", "path": str(path), "version": version})
        await until(lambda: any(said["version"] == 20 for said in worker.said("own")))
        assert all(said["ok"] for said in worker.said("own"))
        assert await rcode(worker, "n19.example") == "NXDOMAIN"


def test_an_expression_that_never_applies_is_told(caplog):
    broken = RichRule("/(a/", Action.BLOCK, Target.REGEX, "(a")
    policy = empty_policy().with_own(RichRules([(OWN_LIST, broken), (OWN_LIST, broken._replace(subject="a"))]))
    tell_refused(policy.own, policy)
    [record] = caplog.records
    assert "1 expressions" in record.message
    assert "/(a/ in your own rules" in record.message
