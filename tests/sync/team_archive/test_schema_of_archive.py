"""The schema: made by an administrator, upgraded, refused where it does not fit."""

import time
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from uuid import UUID

from commands import Commands
from postgres_server import ADMINISTRATOR, Server
from sync.remote.postgres import migrations
from sync.remote.postgres.piece import session_key
from team import SCHEMA, Team


def test_init_is_idempotent_and_two_at_once_do_not_meet(
    server: Server, commands: Commands, tmp_path: Path
) -> None:
    team = Team(server, tmp_path, commands, server.database())
    homes = [team.home(f"admin-{number}", ADMINISTRATOR) for number in range(2)]
    spare = Commands()
    homes[1].commands = spare
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda home: home.try_("archive", "init"), homes))
    spare.close()
    assert [one.code for one in said] == [0, 0], said
    assert "is up to date" in homes[0].run("archive", "init")
    assert len(team.rows("postgres", "select * from archive")) == 1
    forced = """
        select count(*) from pg_class where relrowsecurity and not relforcerowsecurity
        and relnamespace = (select oid from pg_namespace where nspname = %s)
    """
    assert team.rows("postgres", forced, SCHEMA) == [(0,)]


def test_a_dry_run_is_a_script_for_psql(server: Server, commands: Commands, tmp_path: Path) -> None:
    team = Team(server, tmp_path, commands, server.database())
    home = team.home("admin", ADMINISTRATOR)
    script = home.run("archive", "init", "--dry-run")
    assert home.try_("archive", "status").code == 1  # nothing was made
    done = server.psql(ADMINISTRATOR, team.database, script)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is up to date" in home.run("archive", "init")
    again = server.psql(ADMINISTRATOR, team.database, home.run("archive", "init", "--dry-run"))
    assert (again.returncode, again.stderr) == (0, "")


def test_an_older_and_a_newer_schema_are_one_clear_line(team: Team) -> None:
    ada, admin = team.home("laptop", "ada"), team.home("admin", ADMINISTRATOR)
    ada.reported.turn("one")
    for version, word in ((0, "journal archive init"), (99, "upgrade agent-journal")):
        with team.connect("postgres") as connection:
            connection.execute("update archive set version = %s", (version,))
        done = ada.try_("sessions", "--archive")
        assert (done.code, done.stderr.count("\n")) == (1, 1)
        assert word in done.stderr
        report = ada.sync()["remote"]
        assert (report["error"]["class"], report["sent"]) == ("schema", 0)
    assert admin.try_("archive", "init").code == 1  # it can do nothing about a newer one
    with team.connect("postgres") as connection:
        connection.execute("update archive set version = %s", (migrations.VERSION,))
        connection.execute("alter function indexed rename to of_a_development_version")
    for home, args in ((ada, ("sessions", "--archive")), (admin, ("archive", "init"))):
        done = home.try_(*args)
        assert (done.code, done.stderr.count("\n")) == (1, 1)
        assert f"(drop schema {team.schema} cascade" in done.stderr
    with team.connect("postgres") as connection:
        connection.execute("alter function of_a_development_version rename to indexed")
    assert ada.json("replay", "--all")["failed"] == 0
    ada.sync()
    assert sorted(team.ids()) == sorted(ada.reported.ids)


def test_the_first_schema_is_upgraded_and_its_tombstones_stay(
    server: Server, commands: Commands, tmp_path: Path
) -> None:
    """They name no records: they go by dates, as they always did."""
    team = Team(server, tmp_path, commands, server.database())
    admin, ada = team.home("admin", ADMINISTRATOR), team.home("laptop", "ada")
    first = resources.files("sync.remote.postgres") / "migrations" / "0001.sql"
    quoted = '"' + SCHEMA.replace('"', '""') + '"'
    script = f"begin;{first.read_text('utf-8').replace('{schema}', quoted)};commit;"
    assert server.psql(ADMINISTRATOR, team.database, script).returncode == 0
    with server.connect(ADMINISTRATOR, team.database) as connection:
        connection.execute("grant agent_journal_user to ada, ben")
    assert "journal archive init" in ada.try_("sessions", "--archive").stderr
    for session in ("gone", "going on"):
        ada.reported.turn(session)
    with team.connect("ada") as connection:
        add = "insert into tombstones (session, agent, id, until_us) values (%s, %s, %s, %s)"
        for session, until_us in (("gone", time.time_ns() // 1000), ("going on", 1)):
            key = UUID(bytes=session_key("claude-code", session))
            connection.execute(add, (key, "claude-code", session, until_us))
    assert "create table" in admin.run("archive", "init", "--dry-run")
    admin.run("archive", "init")
    assert "is up to date" in admin.run("archive", "init")
    assert ada.json("replay", "--all")["failed"] == 0
    ada.sync()
    stored = team.rows("postgres", "select distinct id from sessions")
    assert stored == [("going on",)]


def test_without_an_archive_or_rights_it_is_reported_what_to_do(
    server: Server, commands: Commands, tmp_path: Path
) -> None:
    team = Team(server, tmp_path, commands, server.database())
    ada = team.home("laptop", "ada")
    ada.reported.turn("one")
    assert "journal archive init" in ada.try_("sessions", "--archive").stderr
    assert ada.sync()["remote"]["error"]["class"] == "schema"
    refused = ada.try_("archive", "init")
    assert (refused.code, refused.stderr.count("\n")) == (1, 1)
    assert "may create roles" in refused.stderr
    team.home("admin", ADMINISTRATOR).run("archive", "init")
    with server.superuser() as connection:
        connection.execute("drop role if exists eve")
        connection.execute("create role eve login password 'x'")
        connection.execute("alter role eve password 'pässword of a role'")
    eve = team.home("eve", "eve")
    eve.reported.turn("one")
    assert eve.sync()["remote"]["error"]["class"] == "forbidden"
    assert "grant agent_journal_user" in eve.try_("sessions", "--archive").stderr
