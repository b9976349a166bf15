"""Tests of the store make their databases by its own steps."""

from collections.abc import Iterator

import pytest

import made_databases


@pytest.fixture(autouse=True)
def real_steps() -> Iterator[None]:
    made_databases.make()
    yield
    made_databases.copy()
