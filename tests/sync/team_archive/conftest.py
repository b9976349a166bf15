"""One server for all tests of the team archive, with a database of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commands import Commands
from postgres_server import Server
from team import Team


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(scope="session")
def template(server: Server, commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with an empty archive."""
    made = Team(server, tmp_path_factory.mktemp("template"), commands, server.database())
    made.make()
    return made.database


@pytest.fixture
def team(server: Server, commands: Commands, tmp_path: Path, template: str) -> Team:
    return Team(server, tmp_path, commands, server.database(template))
