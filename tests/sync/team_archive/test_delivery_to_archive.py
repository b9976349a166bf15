"""Deliveries to the team archive: every record exactly once, also under the worst conditions."""

import json
import shutil

from chance import THOROUGH
from postgres_proxy import PostgresProxy
from postgres_server import ADMINISTRATOR, Server
from team import Team


def test_records_arrive_once_with_their_session(team: Team) -> None:
    ada = team.home("laptop", "ada")
    for session in ("one", "two"):
        ada.reported.turn(session, more=" with a \\u0000 and raw \u2028 in it")
    report = ada.sync()
    assert (report["remote"]["sent"], report["remote"]["error"]) == (2, None)
    assert sorted(team.ids()) == sorted(ada.reported.ids)
    ada.reported.turn("one")
    ada.sync()
    ada.sync()
    assert sorted(team.ids()) == sorted(ada.reported.ids)
    rows = team.rows("ada", "select id, records, events, prompts, shown from sessions order by id")
    assert [row[:4] for row in rows] == [("one", 6, 6, 2), ("two", 3, 3, 1)]
    assert json.loads(rows[0][4])["title"].startswith("please do 1")
    assert ada.json("status")["remote"]["circuit"] == "closed"
    assert list((ada.path / "retry").iterdir()) == []


def test_a_copied_home_that_sends_again_changes_nothing(team: Team) -> None:
    ada = team.home("laptop", "ada")
    ada.reported.turn("one")
    ada.run("sync")
    before = team.rows("postgres", "select records, bytes from sessions")
    copied = team.home("copied", "ada")
    shutil.rmtree(copied.path)
    shutil.copytree(ada.path, copied.path)
    for name in ("journal.db", "archives.json", "remotes.json", "id"):
        (copied.path / name).unlink(missing_ok=True)
    for path in copied.path.glob("days/*/journal.*"):
        path.unlink()  # its receipts
    assert copied.sync()["remote"]["sent"] == 1
    assert sorted(team.ids()) == sorted(ada.reported.ids)
    assert team.rows("postgres", "select records, bytes from sessions") == before


def test_the_home_that_knows_more_of_a_session_describes_it(team: Team) -> None:
    """Not the one that sent last: a session that went on on another machine has two halves."""
    laptop, desk = team.home("laptop", "ada"), team.home("desk", "ada")
    query = "select home, events, records from sessions"
    for home, turns, known in ((laptop, 2, laptop), (desk, 1, laptop), (desk, 2, desk)):
        for _ in range(turns):
            home.reported.turn("one")
        home.run("sync")
        described = (known.path / "id").read_text().split("\n")[0]
        events = sum(line["agent"] != "journal" for line in known.lines("export"))
        sent = len(laptop.reported.ids) + len(desk.reported.ids)
        assert team.rows("postgres", query) == [(described, events, sent)]


def test_a_home_restored_from_a_backup_loses_and_doubles_nothing(team: Team) -> None:
    """It knows less than the archive, and counts its pieces from there."""
    ada = team.home("laptop", "ada")
    ada.reported.turn("one")
    ada.run("sync")
    backup = team.folder / "backup"
    shutil.copytree(ada.path, backup)
    before = len(ada.reported.ids)
    ada.reported.turn("one")
    ada.run("sync")
    lost = ada.reported.ids[before:]
    shutil.rmtree(ada.path)
    backup.rename(ada.path)
    ada.reported.turn("one")
    ada.run("sync")
    assert sorted(team.ids()) == sorted(ada.reported.ids)
    assert set(lost) <= set(team.ids())
    rows = team.rows("postgres", "select records, events from sessions")
    assert rows == [(9, 6)]  # the archive has what the home has lost


def test_an_answer_that_is_lost_after_the_commit_changes_nothing(team: Team) -> None:
    ada = team.home("laptop", "ada")
    ada.reported.turn("one")
    config = ada.path / "config.toml"
    with PostgresProxy(team.server.port) as proxy:
        config.write_text(config.read_text().replace(str(team.server.port), str(proxy.port)))
        ada.run("archive", "status")  # the first contact
        proxy.loses_answer = True
        report = ada.sync()["remote"]
        assert (report["error"]["class"], report["waiting"]) == ("dropped", 1)
        assert proxy.lost
        assert sorted(team.ids()) == sorted(ada.reported.ids)
        proxy.loses_answer = False
        assert ada.json("replay", "--all")["waiting"] == 0
    assert sorted(team.ids()) == sorted(ada.reported.ids)
    rows = team.rows("postgres", "select records, (select count(*) from pieces) from sessions")
    assert rows == [(3, 1)]


def test_a_server_whose_answers_drip_is_given_up_in_time(team: Team) -> None:
    ada = team.home("laptop", "ada")
    ada.reported.turn("one")
    config = ada.path / "config.toml"
    whole = config.read_text()
    with PostgresProxy(team.server.port) as proxy:
        config.write_text(whole.replace(str(team.server.port), str(proxy.port)))
        ada.run("archive", "status")  # the first contact
        config.write_text(config.read_text().replace("timeout_seconds = 10", "timeout_seconds = 1"))
        proxy.drips = True
        done = ada.try_("sync", "--json")
        assert done.json["remote"]["error"]["class"] == "timeout"
        assert done.seconds < 30
    config.write_text(whole)
    ada.json("replay", "--all")
    ada.run("sync")
    assert sorted(team.ids()) == sorted(ada.reported.ids)


def test_words_and_texts_beyond_the_limits_of_the_index_arrive(team: Team) -> None:
    ada = team.home("laptop", "ada")
    words = " ".join(f"{number:x}word" for number in range(120_000))  # more than a tsvector holds
    ada.reported.say("one", "UserPromptSubmit", {"prompt": f"marzipan {words} {'x' * 5_000}"})
    ada.reported.say("one", "UserPromptSubmit", {"prompt": "\\. \t \\N \x00 end of COPY"})
    assert ada.sync()["remote"]["error"] is None
    assert sorted(team.ids()) == sorted(ada.reported.ids)
    assert len(ada.lines("search", "--archive", "--json", "--kind", "prompt", "marzipan")) == 1


def test_many_sessions_go_in_one_transaction(team: Team) -> None:
    ada = team.home("laptop", "ada")
    for number in range(30):
        ada.reported.turn(f"session-{number}")
    assert ada.sync()["remote"]["sent"] == 30
    assert team.rows("postgres", "select count(distinct xmin::text) from records") == [(1,)]


def test_a_kill_at_any_moment_loses_nothing(team: Team) -> None:
    ids: list[str] = []
    for at in range(1, 60, 7):
        ada = team.home(f"laptop-{at}", "ada")
        for session in ("one", "two", "three"):
            ada.reported.turn(f"{session}-{at}")
        ada.try_("sync", dies_at=at)
        ada.reported.turn(f"one-{at}")
        assert ada.sync()["remote"]["waiting"] == 0
        ids += ada.reported.ids
    assert sorted(team.ids()) == sorted(ids)


def test_a_server_that_is_killed_at_any_moment_loses_nothing(team: Team, server: Server) -> None:
    """At each moment of a pass with a delivery in the thorough form, at some of them otherwise."""
    ids: list[str] = []
    killed = 0
    for at in range(1, 400, 9 if THOROUGH else 150):
        ada = team.home(f"laptop-{at}", "ada")
        for session in ("one", "two"):
            ada.reported.turn(f"{session}-{at}")
        ada.try_("sync", dies_at=at, victim=server.pid)
        if not server.is_running:
            killed += 1
            server.start()
        ada.run("replay", "--all")
        assert ada.sync()["remote"]["waiting"] == 0
        ids += ada.reported.ids
    assert killed > 1
    assert sorted(team.ids()) == sorted(ids)


def test_an_equal_id_with_other_content_is_an_error_that_is_shown(team: Team) -> None:
    ada = team.home("laptop", "ada")
    ada.reported.turn("one")
    ada.run("sync")
    with team.connect("postgres") as connection:
        connection.execute("update records set line = line || ' '::bytea")
    other = team.home("other", "ada")
    shutil.copytree(ada.path / "days", other.path / "days")
    for path in other.path.glob("days/*/journal.*"):
        path.unlink()
    report = other.sync()["remote"]
    assert (report["error"]["class"], report["dead"]) == ("conflict", 1)
    assert "with other content" in report["error"]["message"]


def test_another_address_of_the_archive_delivers_the_waiting_files(team: Team) -> None:
    ada = team.home("laptop", "ada")
    ada.reported.turn("one")
    ada.run("sync")
    with team.connect("postgres") as connection:
        connection.execute("alter table records rename to records_away")
    ada.reported.turn("one")
    assert ada.sync()["remote"]["waiting"] == 1
    with team.connect("postgres") as connection:
        connection.execute("alter table records_away rename to records")
    config = ada.path / "config.toml"
    config.write_text(config.read_text().replace("127.0.0.1", "localhost"))
    assert ada.sync()["remote"]["waiting"] == 0
    assert sorted(team.ids()) == sorted(ada.reported.ids)


def test_a_fork_that_shares_a_message_does_not_count_it_twice(team: Team) -> None:
    with team.connect("ada") as connection:
        session = """
            insert into sessions (key, agent, id, home, host, project, project_name, cwd, branch,
              state, triggers, title, started_us, last_us, events, prompts, shown, words)
            values (%s, 'claude-code', %s, '', '', 'p', 'p', '', '', 'idle', '', '', %s, 1, 1, 1,
              '{}', '')
        """
        usage = """
            insert into usage (session, message, model, at_us, input, output, cache_read,
              cache_write) values (%s, 'm', 'opus', 0, 1, 2, 3, 4)
        """
        for number in (1, 2):
            key = f"00000000-0000-0000-0000-00000000000{number}"
            connection.execute(session, (key, str(number), number))
            connection.execute(usage, (key,))
    found = team.rows(ADMINISTRATOR, "select messages, output from token_figures")
    assert found == [(1, 2)]
