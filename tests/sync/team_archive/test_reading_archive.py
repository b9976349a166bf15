"""What the archive answers is what the home answers."""

import json
from typing import Any

import pytest

from looked_at import Writer
from team import Home, Team


@pytest.fixture
def both(team: Team) -> tuple[Home, Home]:
    """A home that has delivered its sessions, and another person's."""
    ada, ben = team.home("laptop", "ada"), team.home("pc", "ben")
    for session in ("first", "second"):
        ada.reported.turn(session, more=" Grüße, naïve C++ money.py:12")
        ada.reported.turn(session, more=" other words", calls=2)
    ada.reported.end("second")
    ada.run("sync")
    ben.reported.turn("bens", more=" Grüße")
    ben.run("sync")
    return ada, ben


def comparable(found: dict[str, Any]) -> dict[str, Any]:
    """Without what only one of the two can know."""
    return {key: value for key, value in found.items()
            if key not in ("owner", "cursor", "short_id", "archive")}  # fmt: skip


def test_lists_are_the_same_and_say_whose(both: tuple[Home, Home]) -> None:
    ada, _ = both
    for filters in ([], ["--state", "finished"], ["--project", "X"], ["--agent", "none"],
                    ["--since", "1h"], ["--until", "1h"], ["--limit", "1"], ["--all"]):  # fmt: skip
        at_home = ada.lines("sessions", "--json", *filters)
        there = ada.lines("sessions", "--json", "--archive", *filters)
        assert list(map(comparable, there)) == list(map(comparable, at_home)), filters
        assert {one["owner"] for one in there} <= {"ada"}
    assert "ada: x" in ada.run("sessions", "--archive")
    assert ada.lines("sessions", "--json", "--archive", "--owner", "ben") == []


def test_a_search_finds_the_same_texts(both: tuple[Home, Home]) -> None:
    ada, _ = both

    def keys(words: str, *more: str) -> list[tuple[Any, ...]]:
        found = ada.lines("search", "--json", "--limit", "100", *more, words)
        return sorted(
            (one["session"], one["event_id"] or "", one["kind"], one["snippet"]) for one in found
        )

    for words in ("grüße", "naive c++", "money.py:12", '"please do"', "pleas*", "done other", "ok",
                  "edited", "nothing-of-it"):  # fmt: skip
        assert keys(words, "--archive") == keys(words), words
    for words in ("grüße", "done other"):
        prompts = keys(words, "--archive", "--kind", "prompt")
        assert prompts == keys(words, "--kind", "prompt"), words


def test_pages_of_a_search_follow_each_other(both: tuple[Home, Home]) -> None:
    ada, _ = both
    whole = ada.lines("search", "--json", "--archive", "--limit", "100", "do")
    pages, after = [], []
    while page := ada.lines("search", "--json", "--archive", "--limit", "3", *after, "do"):
        pages += page
        after = ["--after", page[-1]["cursor"]]
    assert pages == whole
    assert len(whole) > 3


def test_a_session_is_shown_and_exported_as_at_home(both: tuple[Home, Home]) -> None:
    ada, _ = both
    at_home, there = (ada.json("show", "first", *more) for more in ([], ["--archive"]))
    for part in ("prompts", "observations", "answers", "events", "summary", "tokens"):
        assert there[part] == at_home[part], part
    assert comparable(there["session"]) == comparable(at_home["session"])
    assert there["session"]["owner"] == "ada"
    assert ada.run("export", "first", "--archive") == ada.run("export", "first")
    markdown = ["export", "first", "--format", "markdown"]
    there = ada.run(*markdown, "--archive").replace("ada: x", "x")
    assert there.splitlines()[2:] == ada.run(*markdown).splitlines()[2:]
    everything = sorted(ada.run("export", "--archive").splitlines())
    assert [one for one in everything if '"agent":"journal"' not in one] == sorted(
        one for one in ada.run("export").splitlines() if '"agent":"journal"' not in one
    )
    assert "please do" in ada.run("show", "first", "--archive")


def test_a_session_of_another_person_is_answered_like_a_missing_one(
    both: tuple[Home, Home],
) -> None:
    _, ben = both
    done = [ben.try_("show", name, "--archive") for name in ("first", "there-is-none")]
    assert [one.code for one in done] == [1, 1]
    assert done[0].stderr.replace("first", "?") == done[1].stderr.replace("there-is-none", "?")
    ada = both[0]
    ada.run("archive", "share", "x", "ben")
    assert ben.json("show", "first", "--archive")["session"]["owner"] == "ada"
    assert {one["owner"] for one in ben.lines("sessions", "--archive", "--json")} == {"ada", "ben"}
    assert len(ben.lines("search", "--archive", "--json", "Grüße", "--owner", "ada")) >= 2
    status = ben.json("archive", "status")
    assert (status["role"], status["own"]["sessions"], status["shared"]["sessions"]) == (
        "ben",
        1,
        2,
    )
    assert json.dumps(status["shares"]) == "[]"
    assert ada.json("archive", "status")["last_delivery"] is not None


def test_usage_sums_up_what_the_home_sums_up(team: Team) -> None:
    ada, ben = team.home("laptop", "ada"), team.home("pc", "ben")
    for home, order in ((ada, "origin fork other"), (ben, "bens")):
        writer = Writer(home.path)
        for number, name in enumerate(order.split()):
            ago = 200_000 - 1_000 * number
            writer.tell(name, "UserPromptSubmit", ago, cwd=f"/code/{name}", prompt="hi")
            writer._calls = 0 if name == "fork" else number * 10
            writer.used(name, ago - 1, 300_000, 10, 5)  # the fork's first one is the origin's
            writer.used(name, ago - 90_000 - number, 7, 1, 0, model="house-model")
        counted = {"inputTokens": 400_000, "outputTokens": 20}
        line = {"type": "cost-state", "modelUsage": {"claude-opus-5-5": counted}}
        writer.tell(order.split()[-1], "Transcript", 50, line=line, uuid="c" * 32)
        home.run("sync")
    for asked in (
        *(["--by", key] for key in ("day", "week", "project", "model")),
        *(["--by", "session", *more] for more in ([], ["--project", "fork"], ["--all"])),
        *(["--by", "day", *more] for more in (["--since", "2d"], ["--until", "2d"])),
    ):
        there = ada.lines("usage", "--json", *asked, "--archive")
        assert {one.pop("owner") for one in there} <= {"ada"}
        assert there == ada.lines("usage", "--json", *asked), asked
    ben.run("archive", "share", "bens", "ada")
    owners = [one["owner"] for one in ada.lines("usage", "--archive", "--json", "--by", "agent")]
    assert sorted(owners) == ["ada", "ben"]
    assert ada.lines("usage", "--archive", "--json", "--owner", "ben") != []
    assert "\nada:" in ada.run("usage", "--archive", "--by", "model")


def test_wrong_use_is_reported(both: tuple[Home, Home]) -> None:
    ada, _ = both
    for args, code in (
        (["sessions", "--owner", "ben"], 2),
        (["show", "--archive"], 2),
        (["usage", "--owner", "ben"], 2),
        (["search", "--archive", "--after", "nonsense", "do"], 2),
        (["import", "--shared"], 2),
        (["sessions", "--archive", "--live"], 2),
    ):
        done = ada.try_(*args)
        assert (done.code, done.stderr.count("\n")) == (code, 1), done
