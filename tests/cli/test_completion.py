from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mirage_hole.runtime.effective_lists import AddedList
from mirage_hole.runtime.list_choices import ListChoices
from tests.runtime.settings import a_settled

ROOT = Path(__file__).parents[2]


def completed(words: str, shell: str = "bash") -> list[str]:
    """What a shell is offered behind these words."""
    count = len(words.split()) - (not words.endswith(" "))
    environ = os.environ | {"_MIRAGE_HOLE_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)}
    command = [sys.executable, "-m", "mirage_hole"]
    ran = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30, check=True)
    assert ran.stderr == ""
    return [line.partition(",")[2] for line in ran.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("mirage-hole he", ["healthcheck"]),
        ("mirage-hole config sh", ["show"]),
        ("mirage-hole --block-mode n", ["null", "nxdomain", "nodata"]),
        ("mirage-hole serve --log-f", ["--log-format"]),
        ("mirage-hole query example.com aa", ["AAAA"]),
        ("mirage-hole completion z", ["zsh"]),
    ],
)
def test_commands_flags_and_values_are_completed(words, offered):
    found = completed(words)
    assert [one for one in offered if one not in found] == []
    assert all(one.lower().startswith(words.split()[-1]) for one in found)


def test_list_sources_are_completed_from_the_catalogue_and_from_files():
    assert "oisd-small" in completed("mirage-hole --blocklist ois")
    assert "starter" in completed("mirage-hole lists check start")


@pytest.mark.parametrize("words", ["lists diff", "lists search ads.example --list"])
def test_configured_lists_are_completed_by_what_they_are_called(tmp_path, words):
    (tmp_path / "nuisances.txt").write_text("||ads.example^\n")
    flags = f"--state {tmp_path}/state --blocklist {tmp_path}/nuisances.txt"
    assert "nuisances.txt" in completed(f"mirage-hole {flags} {words} nui")
    assert f"{tmp_path}/nuisances.txt" in completed(f"mirage-hole {flags} {words} {tmp_path}/nui")


@pytest.mark.parametrize("words", ["lists disable", "lists enable", "lists remove", "lists update", "lists confirm"])
def test_lists_are_completed_also_those_that_are_off(tmp_path, words):
    state = tmp_path / "state"
    state.mkdir()
    (tmp_path / "nuisances.txt").write_text("||ads.example^\n")
    choices = ListChoices(state)
    settled = a_settled(state, blocklists=(f"{tmp_path}/nuisances.txt",))
    choices.switch(settled, {}, f"{tmp_path}/nuisances.txt", enabled=False)
    choices.add(settled, {}, AddedList("https://one.example/list.txt", title="Numbers"))
    found = completed(f"mirage-hole --state {state} --blocklist {tmp_path}/nuisances.txt {words} nu")
    assert sorted(found) == ["Numbers", "nuisances.txt"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_it_understands(mirage_hole, tmp_path, shell):
    ran = mirage_hole("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    assert f"_MIRAGE_HOLE_COMPLETE={shell}_complete" in ran.out
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed; its script was made but not tried")
    script = tmp_path / "script"
    script.write_text(ran.out)
    subprocess.run([shell, "-n", str(script)], check=True, timeout=30)


@pytest.mark.parametrize(
    ("words", "offered"),
    [("conf", "config"), ("--blocklist oisd", "oisd-small oisd-big oisd-nsfw"), ("--blocklist ./x", "")],
)
def test_bash_offers_what_the_script_asks_for(mirage_hole, tmp_path, words, offered):
    script = tmp_path / "script"
    script.write_text(mirage_hole("completion", "bash").out)
    program = tmp_path / "mirage-hole"
    program.write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m mirage_hole "$@"\n')
    program.chmod(0o755)
    test = f"""
    source {script}
    compopt() {{ :; }}  # the real one works only while somebody presses the key
    COMP_WORDS=(mirage-hole {words}); COMP_CWORD={len(words.split())}
    _mirage_hole_completion {program}
    echo "${{COMPREPLY[@]}}"
    """
    ran = subprocess.run(["bash", "-c", test], capture_output=True, text=True, timeout=30, check=True)
    assert (ran.stdout, ran.stderr) == (f"{offered}\n", "")


def test_another_shell_is_wrong_usage(mirage_hole):
    ran = mirage_hole("completion", "tcsh")
    assert ran.code == 2
    assert "'bash', 'zsh', 'fish'" in ran.err
