"""Root is given up, for good, or the program says why not. Each case runs in a process of its own."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import textwrap
import types
from pathlib import Path

import pytest

from mirage_hole.runtime import privileges, state
from mirage_hole.runtime.errors import BAD_CONFIG, StartupError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
REPOSITORY = Path(__file__).resolve().parents[2]


def nobody():
    return pwd.getpwnam("nobody")


def run(script, *arguments, python=sys.executable, path=REPOSITORY):
    """Run a script that prints one JSON value; return (value, stderr)."""
    prelude = (
        f"import sys, os, json, pathlib, logging; sys.path.insert(0, {str(path)!r}); logging.basicConfig(level=20)\n"
    )
    done = subprocess.run(
        [python, "-P", "-c", prelude + textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return json.loads(done.stdout), done.stderr


SETTLE = """
import ctypes, pwd
from mirage_hole.runtime import privileges
from mirage_hole.runtime.errors import StartupError
user = sys.argv[2] if len(sys.argv) > 2 else None
try:
    privileges.settle(user, pathlib.Path(sys.argv[1]), [pathlib.Path(name) for name in sys.argv[3:]])
except StartupError as problem:
    print(json.dumps({"error": problem.message, "code": problem.exit_code}))
    sys.exit()
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
try:
    os.setuid(0)
    back = True
except OSError:
    back = False
print(json.dumps({
    "ids": os.getresuid() + os.getresgid(), "groups": os.getgroups(), "back": back,
    "no_new_privs": status["NoNewPrivs"], "capabilities": int(status["CapPrm"], 16),
    "writes": os.access(sys.argv[1], os.W_OK),
}))
"""


# Where the interpreter itself lives in somebody's private directory, only the program's place is assumed to be fit.
SETTLE_ANYWHERE = SETTLE.replace("user =", "privileges._program = list; user =")


@pytest.fixture
def open_path():
    """A directory to which every account finds a way. Not pytest's: each session that begins makes those private again."""
    with tempfile.TemporaryDirectory(prefix="mirage-hole-test-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@as_root
def test_root_becomes_the_account_for_good(open_path):
    told, _ = run(SETTLE_ANYWHERE, open_path / "new" / "state", "nobody")
    uid, gid = nobody().pw_uid, nobody().pw_gid
    assert told == {
        "ids": [uid] * 3 + [gid] * 3,
        "groups": [],
        "back": False,
        "no_new_privs": "1",
        "capabilities": 0,
        "writes": True,
    }
    made = (open_path / "new" / "state").stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o777) == (uid, gid, 0o750)


@as_root
def test_without_a_setting_root_becomes_somebody_with_fewer_rights(open_path):
    told, _ = run(SETTLE_ANYWHERE, open_path / "state")
    assert 0 not in told["ids"]
    assert told["writes"]


@as_root
def test_the_account_can_be_told_by_number(open_path):
    told, _ = run(SETTLE_ANYWHERE, open_path / "state", nobody().pw_uid)
    assert told["ids"][0] == nobody().pw_uid


@as_root
def test_root_can_be_kept_by_asking_for_it(open_path):
    told, _ = run(SETTLE, open_path / "state", "root")
    assert told["ids"] == [0] * 6
    assert told["no_new_privs"] == "1"


@as_root
def test_an_account_that_cannot_reach_the_state_directory_keeps_root_with_a_warning(open_path):
    private = open_path / "private"
    private.mkdir(mode=0o700)
    told, log = run(SETTLE, private / "state")
    assert told["ids"][0] == 0
    assert "still running as root" in log
    assert str(private) in log
    assert "choose another state_directory, or write user = root" in log


@as_root
def test_a_program_that_the_account_cannot_read_keeps_root_with_a_warning(open_path):
    private = open_path / "private"
    shutil.copytree(REPOSITORY / "mirage_hole", private / "mirage_hole")
    private.chmod(0o700)
    told, log = run(SETTLE, open_path / "state", path=private)
    assert told["ids"][0] == 0
    assert "worker.py" in log


@as_root
def test_an_explicit_account_that_cannot_read_is_refused(open_path):
    private = open_path / "private"
    private.mkdir(mode=0o700)
    told, _ = run(SETTLE_ANYWHERE, private / "state", "nobody")
    assert told["code"] == BAD_CONFIG
    assert f"user = nobody: this account can't reach {private}" in told["error"]


@as_root
def test_where_no_account_can_be_taken_on_root_stays_with_a_warning(open_path):
    """A container without CAP_SETUID."""
    forbid = "ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()); user ="
    told, log = run(SETTLE_ANYWHERE.replace("user =", forbid), open_path / "state")
    assert told["ids"][0] == 0
    assert "can't be taken on here" in log


@as_root
def test_files_that_are_read_again_later_are_named(open_path):
    config = open_path / "config.toml"
    config.touch(mode=0o600)
    _, log = run(SETTLE_ANYWHERE, open_path / "state", "nobody", config)
    assert f"{config} can't be read by the account nobody" in log


@as_root
def test_capabilities_end_with_the_binding(open_path):
    """A service manager starts us as an ordinary account with CAP_NET_BIND_SERVICE."""
    account = nobody()
    os.chown(open_path, account.pw_uid, account.pw_gid)
    script = """
import subprocess
import ctypes
from mirage_hole.runtime import privileges
libc = ctypes.CDLL(None)
libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(1 << 10, 1 << 10, 1 << 10, 0, 0, 0))
assert libc.prctl(47, 2, 10, 0, 0) == 0  # PR_CAP_AMBIENT_RAISE
def capabilities(text):
    return [line for line in text.splitlines() if line.startswith(("CapPrm", "CapAmb"))]
before = capabilities(open("/proc/self/status").read())
privileges.settle(None, pathlib.Path(sys.argv[1]))
child = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True).stdout
print(json.dumps([before, capabilities(open("/proc/self/status").read()), capabilities(child)]))
"""
    (before, after, child), _ = run(script, open_path / "state")
    assert all(int(line.split()[1], 16) == 1 << 10 for line in before)
    assert all(int(line.split()[1], 16) == 0 for line in after + child)


def test_an_unknown_account_is_refused_with_the_way_to_make_it():
    with pytest.raises(StartupError, match="no such account; create it with sudo useradd --system") as caught:
        privileges.find_account("no-such-account")
    assert caught.value.exit_code == BAD_CONFIG
    with pytest.raises(StartupError):
        privileges.find_account("4294967290999999999999")


# The state directory


def test_a_new_state_directory_is_private_and_marked(tmp_path):
    assert state.prepare(tmp_path / "a" / "b", None)
    assert (tmp_path / "a" / "b" / state.MARK).is_file()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o007 == 0


def test_a_state_directory_below_a_file_is_refused_by_name(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StartupError, match=r"state_directory = .*file/state: .*choose another with --state") as caught:
        state.prepare(tmp_path / "file" / "state", None)
    assert caught.value.exit_code == BAD_CONFIG


@pytest.mark.parametrize("ours", [False, True])
def test_taking_a_directory_over_is_only_proposed_for_our_own(tmp_path, monkeypatch, ours):
    assert state.prepare(tmp_path / "state", None)
    if not ours:
        (tmp_path / "state" / state.MARK).rename(tmp_path / "state" / "passwd")
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    with pytest.raises(StartupError, match="may not write there; choose another") as caught:
        state.prepare(tmp_path / "state", None)
    assert ("chown" in str(caught.value)) is ours


def test_a_link_in_place_of_the_mark_is_not_followed(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / state.MARK).symlink_to(tmp_path / "elsewhere")
    state.prepare(tmp_path / "state", None)
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_does_not_stop_the_start(tmp_path, monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state, "_make", full)
    assert state.prepare(tmp_path / "state", None) is False
    assert "No space left on device" in caplog.text


def test_a_read_only_disk_does_not_stop_dns(tmp_path, monkeypatch, caplog):
    """As a disk becomes after an error: the lists that are compiled on it still serve."""
    assert state.prepare(tmp_path / "state", None)
    monkeypatch.setattr(os, "statvfs", lambda _: types.SimpleNamespace(f_flag=os.ST_RDONLY))
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)
    assert state.prepare(tmp_path / "state", None) is False
    assert "is mounted read-only" in caplog.text


@as_root
def test_a_directory_of_others_is_not_given_away(tmp_path):
    (tmp_path / "passwd").touch()
    with pytest.raises(StartupError, match="it holds passwd and more that is not Mirage Hole's") as caught:
        state.prepare(tmp_path, (nobody().pw_uid, nobody().pw_gid))
    assert "chown" not in str(caught.value)
    assert tmp_path.stat().st_uid == 0
    assert (tmp_path / "passwd").stat().st_uid == 0


@as_root
def test_what_an_earlier_run_as_root_left_is_handed_over_but_no_link_is_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.touch()
    directory = tmp_path / "state"
    state.prepare(directory, None)
    (directory / "generations" / "00000001").mkdir(parents=True)
    plain = directory / "generations" / "00000001" / "manifest.json"
    plain.touch()
    (directory / "symbolic").symlink_to(outside)
    (directory / "hard").hardlink_to(outside)
    state.prepare(directory, (nobody().pw_uid, nobody().pw_gid))
    assert plain.stat().st_uid == plain.parent.stat().st_uid == directory.stat().st_uid == nobody().pw_uid
    assert outside.stat().st_uid == 0
