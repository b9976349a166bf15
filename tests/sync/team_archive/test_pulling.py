"""What other homes have sent arrives here once, in any order of commits."""

from postgres_server import PASSWORD
from team import Home, Team


def pull(home: Home, *more: str) -> int:
    return int(home.json("import", "--archive", *more)["records"])


def test_sessions_of_my_other_home_arrive_once_and_are_not_sent_back(team: Team) -> None:
    laptop, desk = team.home("laptop", "ada"), team.home("desk", "ada")
    laptop.reported.turn("one")
    laptop.run("sync")
    assert pull(desk) > 0
    assert sorted(desk.ids()) == sorted(laptop.reported.ids)
    assert pull(desk) == 0
    assert desk.sync()["remote"]["sent"] == 0
    laptop.reported.turn("one")
    laptop.run("sync")
    desk.reported.turn("two")
    desk.run("sync")
    assert pull(desk) == 3
    assert pull(laptop) == 3
    assert sorted(desk.ids()) == sorted(laptop.ids()) == sorted(team.ids())
    assert pull(laptop) == pull(desk) == 0
    assert team.rows("postgres", "select sum(records) from sessions where id = 'one'") == [(6,)]
    assert desk.json("archive", "status")["last_pull"] is not None


def test_a_pass_pulls_so_that_the_next_session_has_the_context(team: Team) -> None:
    laptop = team.home("laptop", "ada")
    desk = team.home("desk", "ada", more='pull = "own"')
    laptop.reported.turn("one", more=" with the rounding")
    laptop.run("sync")
    assert desk.sync()["remote"]["error"] is None
    assert sorted(desk.ids()) == sorted(laptop.reported.ids)
    assert "rounding" in desk.run("context", "--project", "/code/x")


def test_a_late_commit_is_pulled_later(team: Team) -> None:
    """A transaction that began first and commits last lies behind a cursor over numbers."""
    early, late = team.home("early", "ada"), team.home("late", "ada")
    desk = team.home("desk", "ada")
    for home in (early, late):
        home.reported.turn(home.path.name)
    with team.connect("ada") as blocker:
        blocker.execute("begin")
        blocker.execute("select pg_current_xact_id()")  # an open transaction, before both
        early.run("sync")
        late.run("sync")
        assert pull(desk) == 0  # nothing is known to be complete, and nothing hangs
        blocker.execute("commit")
    assert pull(desk) == 6
    assert sorted(desk.ids()) == sorted(early.reported.ids + late.reported.ids)


def test_a_late_commit_between_two_pulls_is_not_passed_over(team: Team) -> None:
    first, desk = team.home("first", "ada"), team.home("desk", "ada")
    first.reported.turn("one")
    first.run("sync")
    with team.connect("ada") as slow:
        slow.execute("begin")
        slow.execute("update sessions set changed = pg_current_xact_id() where id = 'one'")
        other = team.home("other", "ada")
        other.reported.turn("two")
        other.run("sync")
        pull(desk)
        slow.execute("commit")
    pull(desk)
    assert sorted(desk.ids()) == sorted(first.reported.ids + other.reported.ids)


def test_a_kill_during_a_pull_brings_everything_once(team: Team) -> None:
    laptop = team.home("laptop", "ada")
    for number in range(5):
        laptop.reported.turn(f"session-{number}")
    laptop.run("sync")
    for at in range(1, 40, 9):
        desk = team.home(f"desk-{at}", "ada")
        desk.try_("import", "--archive", dies_at=at)
        pull(desk)
        assert sorted(desk.ids()) == sorted(laptop.reported.ids)
        assert desk.sync()["remote"]["sent"] == 0
        assert sorted(team.ids()) == sorted(laptop.reported.ids)


def test_shared_sessions_are_pulled_deleted_and_pulled_again(team: Team) -> None:
    ada, ben = team.home("laptop", "ada"), team.home("pc", "ben")
    ada.reported.turn("adas")
    ada.run("sync")
    ben.reported.turn("bens")
    ben.run("sync")
    assert pull(ben, "--shared") == 0
    ada.run("archive", "share", "x", "ben")  # behind a cursor that has passed
    assert pull(ben) == 0
    for _ in range(2):
        pull(ben, "--shared")
        assert sorted(ben.ids()) == sorted(ada.reported.ids + ben.reported.ids)
        assert ben.sync()["remote"]["sent"] == 0
        ada.run("archive", "unshare", "x", "ben")
        pull(ben, "--shared")
        assert sorted(ben.ids()) == sorted(ben.reported.ids)
        ada.run("archive", "share", "x", "ben")
    pull(ben, "--shared")
    ada.run("forget", "adas", "--archive", "--yes")  # a copy goes with its owner's deletion, too
    pull(ben, "--shared")
    assert sorted(ben.ids()) == sorted(ben.reported.ids)
    assert team.rows("postgres", "select owner, id from sessions order by 1") == [
        ("ben", "bens"),
    ]


def test_another_persons_session_of_the_same_name_stays_theirs(team: Team) -> None:
    ada, ben = team.home("laptop", "ada"), team.home("pc", "ben")
    for home in (ada, ben):
        home.reported.turn("same")
        home.run("sync")
    ada.run("archive", "share", "x", "ben")
    pull(ben, "--shared")
    assert sorted(ben.ids()) == sorted(ben.reported.ids)


def test_a_restored_server_is_read_from_the_beginning(team: Team) -> None:
    """Its transaction numbers say nothing about those that were seen before."""
    laptop, desk = team.home("laptop", "ada"), team.home("desk", "ada")
    laptop.reported.turn("one")
    laptop.run("sync")
    pull(desk)
    state = desk.path / "pulled.json"
    state.write_text(state.read_text().replace('"server": "', '"server": "of-before-'))
    with team.connect("postgres") as connection:
        connection.execute("update sessions set changed = '9999999999'")
    laptop.reported.turn("two")
    laptop.run("sync")
    assert pull(desk) == 3
    assert pull(team.home("new", "ada")) == 6
    assert PASSWORD not in state.read_text()


def test_a_dead_server_is_reported_by_a_pass_that_pulls_and_found_again(team: Team) -> None:
    laptop = team.home("laptop", "ada")
    desk = team.home("desk", "ada", more='pull = "own"')
    desk.run("sync")
    laptop.reported.turn("one")
    laptop.run("sync")
    config = desk.path / "config.toml"
    whole = config.read_text()
    config.write_text(whole.replace(str(team.server.port), "1"))
    done = desk.try_("sync")
    assert done.code == 0
    assert "cannot reach" in done.stderr + done.stdout
    config.write_text(whole)
    desk.run("sync")
    assert sorted(desk.ids()) == sorted(laptop.reported.ids)
    assert desk.json("status")["remote"]["circuit"] == "closed"
