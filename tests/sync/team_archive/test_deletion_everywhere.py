"""What is deleted in the archive goes from every home of its owner, and stays away."""

import threading
import time

import pytest

from team import Home, Team

DAY = 86_400


def pull(home: Home) -> int:
    return int(home.json("import", "--archive")["records"])


def holds(team: Team, session: str) -> bool:
    tables = ("sessions", "records", "usage", "pieces")
    counts = [team.rows("postgres", f"select count(*) from {table}")[0][0] for table in tables]
    found = team.rows("postgres", "select 1 from sessions where id = %s", session)
    return bool(found) or sum(counts) > 0


def test_a_forgotten_session_goes_from_archive_and_other_homes(team: Team) -> None:
    laptop, desk = team.home("laptop", "ada"), team.home("desk", "ada")
    laptop.reported.turn("one")
    laptop.run("sync")
    pull(desk)
    desk.run("pin", "one")
    laptop.run("forget", "one", "--archive", "--yes")
    assert not holds(team, "one")
    pull(desk)
    assert desk.ids() == laptop.ids() == []
    laptop.run("forget", "one", "--archive", "--yes")  # again: nothing is left to do


def test_a_home_that_only_delivers_obeys_too_and_brings_nothing_back(team: Team) -> None:
    laptop, desk = team.home("laptop", "ada"), team.home("desk", "ada")
    for home in (laptop, desk):
        home.reported.say("one", "UserPromptSubmit", {"prompt": "the same session"})
    laptop.run("sync")
    laptop.run("forget", "one", "--archive", "--yes")
    assert desk.sync()["remote"]["error"] is None
    assert not holds(team, "one")
    desk.run("sync")
    assert desk.ids() == []
    assert list((desk.path / "retry").iterdir()) == []


def test_events_after_the_deletion_of_a_session_are_kept(team: Team) -> None:
    laptop = team.home("laptop", "ada")
    laptop.reported.turn("one")
    laptop.run("sync")
    laptop.run("forget", "one", "--archive", "--yes")
    before = len(laptop.reported.ids)
    laptop.reported.turn("one")
    laptop.run("sync")
    assert sorted(team.ids()) == sorted(laptop.reported.ids[before:])
    assert sorted(laptop.ids()) == sorted(laptop.reported.ids[before:])


@pytest.mark.parametrize("ahead_seconds", [400 * DAY, -400 * DAY])
def test_a_wrong_clock_hides_nothing_that_follows_and_brings_nothing_back(
    team: Team, ahead_seconds: float
) -> None:
    """The tombstone names what it deletes, in the archive as at home."""
    laptop, desk = team.home("laptop", "ada"), team.home("desk", "ada")
    laptop.reported.turn("one")
    copied = [home.path / "days" for home in (laptop, desk)]
    desk.reported.say("one", "UserPromptSubmit", {"prompt": "in another home"})
    for home in (laptop, desk):
        home.run("sync")
    pull(laptop)
    gone = {*laptop.reported.ids, *desk.reported.ids}
    kept = [path.read_bytes() for path in sorted(copied[0].rglob("*.jsonl"))]
    done = laptop.try_("forget", "one", "--archive", "--yes", ahead_seconds=ahead_seconds)
    assert done.code == 0, done.stderr
    assert not holds(team, "one")
    for number, data in enumerate(kept):
        (copied[1] / f"copy-{number}.jsonl").write_bytes(data)
    desk.sync()
    pull(desk)
    assert not gone & {*team.ids(), *desk.ids(), *laptop.ids()}
    for home in (laptop, desk):
        home.reported.turn("one")
        home.sync()
    later = ({*laptop.reported.ids} | {*desk.reported.ids}) - gone
    assert {*team.ids()} == later
    pull(desk)
    assert {*desk.ids()} == later


def test_only_my_rows_go(team: Team) -> None:
    ada, ben = team.home("laptop", "ada"), team.home("pc", "ben")
    for home in (ada, ben):
        home.reported.turn("same")
        home.run("sync")
    ada.run("forget", "same", "--archive", "--yes")
    assert sorted(team.ids()) == sorted(ben.reported.ids)


def test_a_delivery_under_way_does_not_bring_a_session_back(team: Team) -> None:
    """It waits for the lock of the session, and then finds the tombstone."""
    laptop = team.home("laptop", "ada")
    laptop.reported.turn("one")
    laptop.run("sync")
    other = team.home("other", "ada")
    other.reported.turn("one")
    with team.connect("ada") as deleting:
        deleting.execute("begin")
        deleting.execute(
            "select pg_advisory_xact_lock(hashtextextended(session_user || ' ' || key::text, 0))"
            " from sessions"
        )
        sending = threading.Thread(target=other.sync)
        sending.start()
        waits = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        end = time.monotonic() + 30
        while team.rows("postgres", waits) == [(0,)]:
            assert time.monotonic() < end
        deleting.execute(
            "insert into tombstones (session, agent, id, until_us)"
            " select key, agent, id, 1::bigint << 61 from sessions"
        )
        deleting.execute("delete from records")
        deleting.execute("delete from sessions")
        deleting.execute("commit")
        sending.join()
    assert team.ids() == []
    assert team.rows("postgres", "select count(*) from sessions") == [(0,)]


def test_with_the_server_away_forgetting_says_so_and_is_finished_later(team: Team) -> None:
    laptop = team.home("laptop", "ada")
    laptop.reported.turn("one")
    laptop.run("sync")
    config = laptop.path / "config.toml"
    whole = config.read_text()
    config.write_text(whole.replace(str(team.server.port), "1"))
    done = laptop.try_("forget", "one", "--archive", "--yes")
    assert (done.code, done.stderr.count("\n")) == (1, 1)
    assert "repeat the command" in done.stderr
    assert holds(team, "one")
    config.write_text(whole)
    laptop.run("forget", "one", "--archive", "--yes")
    assert not holds(team, "one")
