"""The JSON API: the commands' shapes, pages of lists, what is wrong, what is live."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

import commands
import looked_at
import stored
from commands import program
from web_server import PATIENT, WebServer


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    looked_at.write(folder / "home", folder / "code")
    stored.sync_now(folder / "home")
    return folder / "home"


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[WebServer]:
    with WebServer(home, HOME=str(home.parent)) as running:
        yield running


def journal(home: Path, *args: str) -> list[Any]:
    """The objects that a command prints."""
    environ = {**PATIENT, "HOME": str(home.parent)}
    done = commands.shared().run(home, *args, "--json", environ=environ)
    assert done.code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def listed(server: WebServer, target: str, limit: int) -> list[Any]:
    """All pages of a list."""
    items: list[Any] = []
    after = ""
    while True:
        page = server.get(f"{target}{'&' if '?' in target else '?'}limit={limit}{after}").json
        assert set(page) == {"items", "next"}
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next"] is None:
            return items
        after = f"&after={page['next']}"


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", ()),
        ("project=billing-api&since=60d", ("--project", "billing-api", "--since", "60d")),
        ("state=awaiting", ("--state", "awaiting")),
        (
            "agent=claude-code&until=30d&all=1",
            ("--agent", "claude-code", "--until", "30d", "--all"),
        ),
    ],
)
def test_sessions_are_those_of_the_command(
    server: WebServer, home: Path, query: str, options: tuple[str, ...]
) -> None:
    found = listed(server, f"/api/sessions?{query}", 23)
    assert found == journal(home, "sessions", *options)
    assert found


def test_a_session_equals_show(server: WebServer, home: Path) -> None:
    for name in (
        looked_at.FIXED,
        looked_at.EVIL,
        looked_at.FIXED[:6],
        f"claude-code/{looked_at.FIXED}",
    ):
        assert [server.get(f"/api/sessions/{name}").json] == journal(home, "show", name)


def test_a_search_equals_that_of_the_command(server: WebServer, home: Path) -> None:
    found = listed(server, "/api/search?q=rounding", 2)
    for one in found:
        del one["cursor"]
    expected = journal(home, "search", "rounding")
    for one in expected:
        del one["cursor"]
    assert found == expected
    assert len(found) > 2


@pytest.mark.parametrize("by", ["day", "week", "month", "project", "model", "agent", "session"])
def test_usage_equals_that_of_the_command(server: WebServer, home: Path, by: str) -> None:
    found = server.get(f"/api/usage?by={by}&utc=1").json
    assert found == {"items": journal(home, "usage", "--by", by, "--utc"), "next": None}
    assert found["items"]


def test_status_equals_that_of_the_command(server: WebServer, home: Path) -> None:
    assert [server.get("/api/status").json] == journal(home, "status")


WRONG = (
    "/api/sessions?limit=0", "/api/sessions?limit=x", "/api/sessions?limit=501",
    "/api/sessions?limit=%D9%A3", "/api/sessions?state=sleeping", "/api/sessions?since=soon",
    "/api/sessions?all=yes", "/api/sessions?after=zz", "/api/sessions?after=9_9_9",
    "/api/sessions?after=-1_0_0", "/api/sessions?colour=red", "/api/sessions?limit=1&limit=2",
    "/api/search", "/api/search?q=", "/api/search?q=a&kind=x", "/api/search?q=a&after=x",
    "/api/usage?by=hour", "/api/usage?utc=2", f"/api/sessions?project={'x' * 3000}",
)  # fmt: skip


@pytest.mark.parametrize("target", WRONG)
def test_bad_values_are_400(server: WebServer, target: str) -> None:
    answer = server.get(target)
    assert answer.status == 400
    assert set(answer.json["error"]) == {"message", "hint"}


def test_an_unknown_address_is_404(server: WebServer) -> None:
    for target in ("/api/sessions/nope", "/api/nope", "/api/sessions/", "/api/sessions/%00",
                   f"/api/sessions/{looked_at.FIXED}x"):  # fmt: skip
        answer = server.get(target)
        assert answer.status == 404, target
        assert answer.json["error"]["message"]
    assert server.get("/sessions/nope").status == 404
    assert server.get(f"/sessions/{looked_at.FIXED}?event=ffffffff").status == 404


def test_the_stream_sends_what_happens_and_nothing_else(tmp_path: Path) -> None:
    writer = looked_at.Writer(tmp_path)
    writer.tell("a1", "UserPromptSubmit", 9, cwd="/x", prompt="hi")
    with WebServer(tmp_path) as server:
        changes = server.changes()
        server.get("/")
        writer.tell("a2", "UserPromptSubmit", 0, cwd="/x", prompt="something new")
        reported = changes.get(timeout=20)
        assert reported["sessions"] == ["a2"]
        assert server.get("/api/sessions").json["items"][0]["session"] == "a2"
        assert changes.empty()


def test_a_database_that_changes_below_it_is_a_page_that_says_so(tmp_path: Path) -> None:
    writer = looked_at.Writer(tmp_path)
    writer.tell("a1", "UserPromptSubmit", 9, cwd="/x", prompt="the first")
    with WebServer(tmp_path) as server:
        assert "the first" in server.get("/").text
        subprocess.run([program(), "--home", str(tmp_path), "sync",
                        "--rebuild"], check=True, capture_output=True)  # fmt: skip
        assert "the first" in server.get("/").text
        db = apsw.Connection(str(tmp_path / "journal.db"))
        db.pragma("user_version", 99)
        db.close()
        answer = server.get("/")
        assert (answer.status, "upgrade agent-journal" in answer.text) == (503, True)
        assert server.get("/api/sessions").status == 503
        for path in tmp_path.glob("journal.db*"):
            path.unlink()
        answer = server.get("/sessions")
        assert answer.status in (200, 503)  # a pass has made it again, or it is said
        assert "Traceback" not in answer.text
