"""The storm over the team archive in its short form; `make storm` is the long one."""

import random

import pytest

from chance import THOROUGH
from postgres_server import Server
from team import Team
from team_storm import storm


@pytest.mark.skipif(not THOROUGH, reason="make storm runs it, its short form too")
def test_kills_lose_and_double_nothing(team: Team) -> None:
    assert storm(team, 12, 0, random.Random(3)) == 0


def test_a_killed_server_loses_nothing_that_it_acknowledged(team: Team, server: Server) -> None:
    ada = team.home("laptop", "ada")
    for number in range(3):
        ada.reported.turn(f"session-{number}")
    server.kill()
    assert ada.sync()["remote"]["sent"] == 0
    server.start()
    ada.run("replay", "--all")
    ada.run("sync")
    assert sorted(team.ids()) == sorted(ada.reported.ids)
