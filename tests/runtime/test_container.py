"""The container image and its composition fit together, and fit the program."""

import re
from dataclasses import replace
from pathlib import Path

from mirage_hole.config.host import this_host
from mirage_hole.config.read import read

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = (ROOT / "compose.yaml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def values(key: str) -> list[str]:
    """The items of a list written as ``key: [a, b]``."""
    found = re.search(rf"^ +{key}: \[(.*)\]$", COMPOSE, re.MULTILINE)
    return re.split(r",\s*", found[1]) if found else []


def test_the_composition_allows_what_the_image_carries():
    # A file with an effective capability that the bounding set lacks can't be executed at all (capabilities(7)).
    carried = re.findall(r"setcap cap_([a-z_]+)=\+ep", DOCKERFILE)
    assert carried == ["net_bind_service"]
    assert values("cap_drop") == ["ALL"]
    assert values("cap_add") == [name.upper() for name in carried]


def test_the_variables_of_the_composition_are_settings_with_good_values(tmp_path):
    variables = dict(re.findall(r'^ +(MIRAGE_HOLE_[A-Z_]+): "(.*)"$', COMPOSE, re.MULTILINE))
    assert len(variables) == COMPOSE.count(" MIRAGE_HOLE_") > 0
    host = replace(this_host(), home=tmp_path, system_config=tmp_path / "none")
    loaded = read({}, variables, host, None).loaded
    assert (loaded.problems, loaded.warnings) == ([], [])


def test_the_state_is_kept_where_the_image_has_it():
    directory = re.search(r"STATE_DIRECTORY=(\S+)", DOCKERFILE)[1]
    assert f'VOLUME ["{directory}"]' in DOCKERFILE
    assert f"- state:{directory}\n" in COMPOSE
