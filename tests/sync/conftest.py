"""What tests of syncing share: a MindSpring server."""

from collections.abc import Iterator

import pytest

from mindspring_server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server
