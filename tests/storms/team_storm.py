"""The storm over the team archive: `python tests/storms/team_storm.py --kills 150 --servers 20`.

While sessions go on in two homes of one person, deliveries and pulls are killed at random moments,
and now and then the server is. Afterwards every record is in the archive once, and in each home
once; nothing waits, and nothing that was pulled was sent back.
"""

import argparse
import random
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from commands import Commands
from postgres_server import Server
from storm import slowness
from team import Home, Team

COMMANDS = (("sync",), ("sync",), ("import", "--archive"), ("replay", "--all"))
LEAST_SECONDS, MOST_SECONDS = 0.02, 1.0
SESSIONS = ("one", "two", "three")


def main() -> int:
    """Exit code 1: something is missing, or there twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=150)
    parser.add_argument("--servers", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    order = parser.parse_args()
    commands, server = Commands(), Server(durable=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            team = Team(server, Path(folder), commands, server.database())
            team.make()
            return storm(team, order.kills, order.servers, random.Random(order.seed))
    finally:
        commands.close()
        server.close()


def storm(team: Team, kills: int, servers: int, chance: random.Random) -> int:
    homes = [team.home(name, "ada") for name in ("laptop", "desk")]
    every = max(1, kills // max(servers, 1))
    killed = 0
    for number in range(kills):
        home = chance.choice(homes)
        for _ in range(chance.randint(0, 2)):
            home.reported.turn(f"{home.path.name}-{chance.choice(SESSIONS)}")
        if servers and number % every == every - 1:
            _kill_the_server(team, home, chance)
        seconds = chance.uniform(LEAST_SECONDS, MOST_SECONDS) * slowness()
        done = home.try_(*chance.choice(COMMANDS), dies_after_seconds=seconds)
        killed += done.code == -9
        assert done.code in (0, 1, 75, -9), done
    print(f"killed: {killed} of {kills} commands, the server {servers} times")
    return settle(team, homes)


def _kill_the_server(team: Team, home: Home, chance: random.Random) -> None:
    """While a command delivers or pulls; what comes next finds it dead."""
    killing = threading.Timer(chance.uniform(LEAST_SECONDS, MOST_SECONDS), team.server.kill)
    killing.start()
    for command in chance.choices(COMMANDS, k=2):
        assert home.try_(*command).code in (0, 1, 75), command
    killing.join()
    home.run("sync")
    team.server.start()


def settle(team: Team, homes: list[Home]) -> int:
    """Let everything end, then count."""
    for _ in range(3):
        for home in homes:
            home.run("replay", "--all")
            home.run("sync")
            home.run("import", "--archive")
    reported = sorted(one for home in homes for one in home.reported.ids)
    places = {"archive": team.ids(), **{home.path.name: home.ids() for home in homes}}
    wrong = 0
    for name, found in places.items():
        counted = Counter(found)
        missing = [one for one in reported if counted[one] == 0]
        twice = [one for one, count in counted.items() if count > 1]
        print(f"{name}: {len(found)} records, {len(missing)} missing, {len(twice)} twice")
        wrong += len(missing) + len(twice) + len(counted.keys() - set(reported))
    sent = team.rows("postgres", "select count(*) from sessions")[0][0]
    waiting = sum(len(list((home.path / "retry").glob("*.json"))) for home in homes)
    print(f"sessions: {sent}, waiting: {waiting}")
    return 1 if wrong or waiting else 0


if __name__ == "__main__":
    sys.exit(main())
