from __future__ import annotations

import msgspec
import pytest

from mirage_hole.config.raw import SECTIONS, Raw, settings
from mirage_hole.config.tables import TABLES


def test_every_setting_is_explained_and_has_its_own_flag_and_variables():
    found = settings()
    assert set(SECTIONS) | set(TABLES) == set(Raw.__struct_fields__)
    assert len(found) == sum(len(struct.__struct_fields__) for struct in SECTIONS.values())
    for setting in found.values():
        assert setting.doc.endswith(".")
        assert setting.write
        assert setting.flag.startswith("--")
    assert len({setting.flag for setting in found.values()}) == len(found)
    variables = [name for setting in found.values() for name in setting.variables]
    assert len(set(variables)) == len(variables)


def test_every_section_is_explained():
    assert all(struct.__doc__ for struct in SECTIONS.values())


def test_the_variables_follow_from_section_key_and_flag():
    assert settings()["upstream.timeout"].variables == ("MIRAGE_HOLE_UPSTREAM__TIMEOUT", "MIRAGE_HOLE_TIMEOUT")
    assert settings()["lists.block"].variables == ("MIRAGE_HOLE_LISTS__BLOCK", "MIRAGE_HOLE_BLOCKLIST")


@pytest.mark.parametrize("path", settings())
def test_every_default_is_of_its_own_type(path):
    setting = settings()[path]
    assert msgspec.convert(setting.default, setting.type) == setting.default


def test_an_unknown_key_is_refused_by_the_structs_themselves():
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"server": {"prot": 1}}, Raw)
