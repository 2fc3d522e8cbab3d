"""What may be a password, and that hashing takes a bounded share of the machine."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters

from mirage_hole.api.access.passwords import AT_ONCE, COMMON, LONGEST, SHORTEST, WAITING, Passwords, faults_of
from mirage_hole.api.problems import Refusal
from tests.api.access.door import Cheap


@pytest.mark.parametrize(
    "password", ["x" * (SHORTEST - 1), "x" * (LONGEST + 1), "Administrator", "PASSWORD123", "", " "]
)
def test_a_bad_password_is_named_with_what_is_wrong(password: str) -> None:
    (fault,) = faults_of(password, "administrator")
    assert fault.where == "password"
    assert password not in fault.what or not password.strip()


@pytest.mark.parametrize(
    "password", ["ten chars!", "x" * LONGEST, "nur kleine buchstaben", "пароль из слов", "🐻🐻🐻🐻🐻🐻🐻🐻🐻🐻"]
)
def test_no_rule_says_which_characters(password: str) -> None:
    assert faults_of(password, "ada") == []


def test_every_common_password_is_long_enough_to_be_chosen() -> None:
    assert all(len(one) >= SHORTEST and one == one.casefold() for one in COMMON)


async def test_passwords_are_kept_as_argon2id_with_the_parameters_of_owasp() -> None:
    encoded = await Passwords().hash("a fine long password")
    found = extract_parameters(encoded)
    assert encoded.startswith("$argon2id$")
    assert (found.time_cost, found.memory_cost, found.parallelism) == (2, 19 * 1024, 1)


async def test_nobodys_password_is_no_password() -> None:
    passwords = Passwords(Cheap())
    assert not await passwords.verify(None, "nobody's password")
    assert not await passwords.verify("", "nobody's password")
    assert not await passwords.verify("no hash at all", "x")
    assert not passwords.outdated("no hash at all")


class Held(PasswordHasher):
    """Hashes when it is let go; counts how many are at it."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.go = threading.Event()
        self.full = threading.Event()
        self.at_it = 0
        self.most = 0
        self.lock = threading.Lock()

    def hash(self, *words: Any, **more: Any) -> str:
        with self.lock:
            self.at_it += 1
            self.most = max(self.most, self.at_it)
        if self.at_it == AT_ONCE:
            self.full.set()
        self.go.wait(30)
        with self.lock:
            self.at_it -= 1
        return super().hash(*words, **more)


async def test_two_are_hashed_at_once_some_wait_and_the_others_are_told_to_come_again() -> None:
    hasher = Held()
    passwords = Passwords(hasher)
    try:
        async with asyncio.TaskGroup() as group:
            waiting = [group.create_task(passwords.hash("x")) for _ in range(AT_ONCE + WAITING)]
            await asyncio.sleep(0)
            with pytest.raises(Refusal) as refused:
                await passwords.hash("one too many")
            assert refused.value.status == 429
            assert "Retry-After" in refused.value.headers
            hasher.go.set()
        assert len({task.result() for task in waiting}) == AT_ONCE + WAITING
        assert hasher.most <= AT_ONCE
        await passwords.hash("there is room again")
    finally:
        hasher.go.set()


async def test_whoever_gives_up_keeps_the_turn_until_the_hash_is_done() -> None:
    hasher = Held()
    passwords = Passwords(hasher)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(passwords.hash("x")) for _ in range(AT_ONCE)]
            assert await asyncio.to_thread(hasher.full.wait, 30)
            for task in tasks:
                task.cancel()
            next_one = group.create_task(passwords.hash("y"))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not any(task.done() for task in tasks)
            assert hasher.at_it == AT_ONCE
            loop.call_soon(hasher.go.set)
        assert all(task.cancelled() for task in tasks)
        assert next_one.result().startswith("$argon2id$")
        assert hasher.most == AT_ONCE
    finally:
        hasher.go.set()
