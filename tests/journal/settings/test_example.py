"""config.example.toml: every key, with its default and an explanation."""

import re
import tomllib

from journal.layout import Layout
from journal.settings.sources import Settings
from tests.journal.settings.test_settings import EXAMPLE, keys, load


def uncommented() -> str:
    """The example with its keys in force: "#" directly before a key is taken away."""
    return re.sub(r"^#(?=\S)", "", EXAMPLE.read_text(), flags=re.MULTILINE)


def test_the_example_as_it_is_changes_nothing(layout: Layout) -> None:
    assert load(layout, EXAMPLE.read_bytes()) == Settings()
    assert set(tomllib.loads(EXAMPLE.read_text())) == set(Settings.model_fields)


def test_the_example_with_every_key_in_force_is_exactly_the_defaults(layout: Layout) -> None:
    assert load(layout, uncommented()) == Settings()


def test_the_example_has_every_key_in_the_order_of_the_settings() -> None:
    tables = tomllib.loads(uncommented())
    assert [(section, key) for section, table in tables.items() for key in table] == keys()


def test_every_key_of_the_example_is_under_an_explanation() -> None:
    for block in EXAMPLE.read_text().split("\n\n"):
        lines = block.strip("\n").splitlines()
        if any(re.match(r"#\S", line) for line in lines):
            assert lines[0].startswith("# "), block
