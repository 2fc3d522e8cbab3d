from __future__ import annotations

import pytest

from config.machine import problems, reading, settled
from mirage_hole.config.describe import as_toml
from mirage_hole.observe.notices import EVENTS

PHONE = """
[[notify]]
name = "phone"
kind = "ntfy"
url = "https://ntfy.example/my-topic"
password = "tk_secret_of_mine"
every = "6h"
"""
MAIL = """
[[notify]]
name = "mail"
kind = "smtp"
server = "Mail.example.org"
user = "me"
password_file = "secret.txt"
sender = "dns@example.org"
to = "me@example.org"
events = ["storage", "list-updated"]
"""
HOOK = """
[[notify]]
name = "hook"
kind = "webhook"
url = "https://hooks.example/services/T000/B000/XXXXXXXX"
secret = "0123456789abcdef0123"
"""


def test_targets_arrive_with_what_they_need(tmp_path):
    phone, mail, hook = settled(tmp_path, toml=PHONE + MAIL + HOOK).notify
    assert (phone.kind, phone.url, phone.password, phone.every) == (
        "ntfy",
        "https://ntfy.example/my-topic",
        "tk_secret_of_mine",
        6 * 3600.0,
    )
    assert set(phone.events) == set(EVENTS) - {"list-updated"}
    assert (mail.server, mail.port, mail.tls, mail.to) == ("mail.example.org", 587, "starttls", ("me@example.org",))
    assert mail.password_file == str(tmp_path / "secret.txt")
    assert mail.events == ("storage", "list-updated")
    assert (hook.secret, hook.port) == ("0123456789abcdef0123", 0)


def test_no_secret_is_in_what_is_shown(tmp_path):
    found = settled(tmp_path, toml=PHONE + MAIL + HOOK)
    for text in (as_toml(found), repr(found)):
        assert "tk_secret" not in text
        assert "0123456789abcdef" not in text
    assert "XXXXXXXX" not in as_toml(found)
    assert 'url = "https://hooks.example/***"' in as_toml(found)


def test_what_was_shown_masked_is_not_taken_for_a_secret(tmp_path):
    shown = as_toml(settled(tmp_path, toml=PHONE + HOOK))
    found = "\n".join(problems(tmp_path, toml=shown))
    assert "notify[0].password" in found
    assert "it is masked" in found
    assert "notify[1].url" in found


def test_mail_with_its_secret_in_a_file_reads_back_the_same(tmp_path):
    first = settled(tmp_path, toml=MAIL)
    assert settled(tmp_path, toml=as_toml(first)).notify == first.notify


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        ('url = "ftp://ntfy.example/x"', "notify[0].url", "no address"),
        ('url = "https://ntfy.example/"', "notify[0].url", "no topic"),
        ('url = "https://ntfy.example/a/b"', "notify[0].url", "no topic"),
        ('url = "https://me:hidden@ntfy.example/x"', "notify[0].url", "a login in an address"),
        ('url = "https://ntfy.example:99999/x"', "notify[0].url", "no address"),
        ('url = "https://ntfy.example/x"\nserver = "mail.example"', "notify[0].server", "nothing for ntfy"),
        ('url = "https://ntfy.example/x"\nevents = ["floods"]', "notify[0].events", "no such event"),
        ('url = "https://ntfy.example/x"\nevery = "1s"', "notify[0].every", "less than"),
        ('url = "https://ntfy.example/x"\npassword = "a"\npassword_file = "b"', "notify[0].password", "too"),
        ('url = "https://ntfy.example/x"\npassword = 5', "notify[0].password", "not what belongs here"),
        ("", "notify[0].url", "missing"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, change, where, what):
    found = problems(tmp_path, toml=f'[[notify]]\nname = "phone"\nkind = "ntfy"\n{change}\n')
    assert any(where in one and what in one for one in found), found
    assert "hidden" not in "".join(found)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (("dns@example.org", "dns@exam ple.org"), "notify[0].sender"),
        (("me@example.org", "me@example.org\\r\\nBcc: you@example.org"), "notify[0].to"),
        (("Mail.example.org", "mail.example.org\\r\\nQUIT"), "notify[0].server"),
        (('kind = "smtp"', 'kind = "smtp"\ntls = "none"'), "notify[0].tls"),
        (('user = "me"', 'user = "me\\nyou"'), "notify[0].user"),
    ],
)
def test_mail_settings_that_could_do_harm_are_refused(tmp_path, change, where):
    found = problems(tmp_path, toml=MAIL.replace(*change))
    assert any(where in one for one in found), found


def test_a_name_stands_once_and_a_signing_secret_is_long(tmp_path):
    found = problems(tmp_path, toml=HOOK + HOOK.replace("0123456789abcdef0123", "short"))
    assert any("notify[1].name" in one and "notify[0] has this name already" in one for one in found)
    assert any("notify[1].secret" in one and "shorter than 16" in one for one in found)
    assert "short'" not in "".join(found)


def test_without_a_table_nobody_is_told(tmp_path):
    assert reading(tmp_path).settled.notify == ()
