"""The commands and the SQL of docs/archive.md, run in their order on a real server."""

import re
import shlex
from pathlib import Path

from commands import Commands
from places import ROOT
from postgres_server import ADMINISTRATOR, PASSWORD, Server
from team import Team

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_works_from_top_to_bottom(
    server: Server, commands: Commands, tmp_path: Path
) -> None:
    team = Team(server, tmp_path, commands, server.database())
    team.schema = "agent_journal"
    home = team.home("admin", ADMINISTRATOR)
    done = 0
    for kind, body in BLOCK.findall((ROOT / "docs" / "archive.md").read_text()):
        if kind == "sql":
            said = server.psql(ADMINISTRATOR, team.database, body)
            assert (said.returncode, said.stderr) == (0, ""), body
            if "create role lea" in body:  # who goes on from here
                with server.superuser() as connection:
                    connection.execute(f"alter role lea password '{PASSWORD}'")
                home = team.home("lea", "lea")
                home.reported.turn("one", more=" rounding")
        elif kind == "console":
            if "share" in body:
                home.run("sync")
            for line in body.replace("billing-api", "x").splitlines():
                home.run(*shlex.split(line)[1:])
        done += kind in ("sql", "console")
    assert done > 6
