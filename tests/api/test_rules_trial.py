"""Trying rules over the API, against a policy of real rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from mirage_hole.api.v1.identity import Identity, Role
from mirage_hole.policy.index import Index
from mirage_hole.policy.policy import Policy
from mirage_hole.policy.rich import RichRules
from mirage_hole.policy.trial import Trial, attempt
from tests.api.serving import a_state, get, serving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mirage_hole.api.state import ApiState
    from mirage_hole.lists.rule import RichRule

OPERATOR = Identity("", Role.OPERATOR, "open")


def try_on_nothing(tried: Sequence[RichRule], name: bytes, qtype: int, client: bytes) -> Trial:
    return attempt(Policy(Index.EMPTY, RichRules(), RichRules()), [], tried, name, qtype, client)


async def ask(body: dict[str, Any], state: ApiState | None = None) -> tuple[int, dict[str, Any]]:
    async with serving(state or a_state(attempt=try_on_nothing), who=OPERATOR) as url:
        status, _, said = await get(f"{url}/api/v1/rules/try", method="POST", json=body)
        return status, orjson.loads(said)


async def test_each_text_is_told_what_it_means_or_what_is_wrong_with_it() -> None:
    status, said = await ask({"texts": ["||ads.example^$dnstype=A,client=Desk", "/ads[0-9]+/", "a b", "@@x.example"]})
    assert status == 200
    first, second, third, fourth = said["rules"]
    assert (first["action"], first["scope"], first["subject"]) == ("block", "subtree", "ads.example")
    assert (first["types"], first["clients"], first["applies"]) == (["A"], ["Desk"], None)
    assert second["target"] == "regex"
    assert third["action"] == ""
    assert "a b" in third["problem"]
    assert (fourth["action"], fourth["scope"]) == ("allow", "exact")
    assert (said["before"], said["after"], said["by"]) == (None, None, None)


async def test_rules_are_tried_on_a_name_and_bad_ones_do_not_disturb() -> None:
    status, said = await ask({"texts": ["nothing at all", "||ads.example^", "other.example"], "name": "www.ads.example", "type": "A"})  # fmt: skip
    assert status == 200
    assert [one["applies"] for one in said["rules"]] == [None, True, False]
    assert (said["before"], said["after"], said["by"]) == ("none", "block", "||ads.example^")


async def test_a_rewrite_is_called_one() -> None:
    _, said = await ask({"texts": ["||a.example^$dnsrewrite=192.0.2.7"], "name": "a.example", "type": "A"})
    assert (said["rules"][0]["action"], said["after"]) == ("rewrite", "rewrite")


async def test_while_no_list_is_loaded_it_says_so() -> None:
    status, said = await ask({"texts": ["a.example"], "name": "a.example"}, a_state(attempt=lambda *_: None))
    assert (status, said["detail"]) == (503, "No lists are loaded yet.")


async def test_too_much_is_refused() -> None:
    assert (await ask({"texts": ["a.example"] * 101}))[0] == 400
    assert (await ask({"texts": ["x" * 1025]}))[0] == 400
    assert (await ask({"texts": ["a.example"], "name": "a..b"}))[0] == 400
