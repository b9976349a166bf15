"""Pieces reach MindSpring exactly once, in one notebook, with every behaviour of the service."""

import hashlib
import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journal.settings import sections
from journal.times import to_text
from mindspring_server import TOKEN, Server
from mindspring_state import is_archive, moment
from places import FIXTURES
from sync.remote import notebooks, thread
from sync.remote.contract import (
    Heading,
    Material,
    Message,
    Outcome,
    Piece,
    Progress,
    RemoteError,
    Then,
)
from sync.remote.mindspring import SETTLE, MindSpring

TIMEOUT = 0.5
HOUR_US = 3600 * 1_000_000


def settings(url: str, **more: Any) -> sections.Remote:
    return sections.Remote.model_validate(
        {"kind": "mindspring", "url": url, "workspace": "aegis-daemon",
         "connect_timeout_seconds": 0.5, "timeout_seconds": TIMEOUT, **more}
    )  # fmt: skip


def heading(number: int = 1, **more: Any) -> Heading:
    fields: dict[str, Any] = {
        "agent": "claude-code", "session": "s-1", "host": "host-a", "number": number,
        "title": "A title", "created_us": int(time.time() * 1e6), "project": "github.com/x/y",
        "memory_id": None, "summary": None,
    }  # fmt: skip
    return Heading(**fields | more)


def material(*texts: str) -> Material:
    return Material([], [Message(f"e{i}", i, "user", text) for i, text in enumerate(texts)])


class Client:
    """A machine: its remote, its memory and the progress of its pieces, all as JSON on a disk."""

    def __init__(self, url: str, **more: Any) -> None:
        self.settings = settings(url, **more)
        self.ahead_us = 0  # of the real clock
        self.memory = "{}"
        self.progress: dict[str, str] = {}
        self.saves = 0
        self.start()

    def start(self) -> None:
        """As after the death of the process: only what was saved is known."""
        memory = json.loads(self.memory)

        def remember() -> None:
            self.memory = json.dumps(memory)

        self.remote = MindSpring(self.settings, TOKEN, memory, remember, self.now_us)

    def now_us(self) -> int:
        return int(time.time() * 1e6) + self.ahead_us

    def wait(self, seconds: float) -> None:
        self.ahead_us += int(seconds * 1e6)

    def settle(self) -> None:
        """Until what was lost can have no effect any more."""
        self.wait(SETTLE * TIMEOUT)

    def piece(self, number: int = 1, text: str = "hello", created_us: int = 0) -> Piece:
        head = heading(number, created_us=created_us or self.now_us())
        body = self.remote.render(head, material(text))
        digest = hashlib.sha256(body).hexdigest()
        return Piece(
            head.agent, head.session, head.host, number, head.title, head.created_us, digest, body
        )

    def deliver(self, piece: Piece, seconds: float = 10.0) -> Outcome:
        progress: Progress = json.loads(self.progress.get(piece.sha256, "{}"))

        def save() -> None:
            self.saves += 1
            self.progress[piece.sha256] = json.dumps(progress)

        try:
            return self.remote.deliver(piece, progress, save, seconds)
        finally:
            assert TOKEN not in json.dumps(progress) + self.memory + repr(self.remote)
            self.remote.close()

    def fails(self, piece: Piece, seconds: float = 10.0) -> RemoteError:
        """The error of a delivery, which came in time and holds no token."""
        began = time.monotonic()
        with pytest.raises(RemoteError) as caught:
            self.deliver(piece, seconds)
        assert time.monotonic() - began < 30
        assert TOKEN not in str(caught.value) + repr(caught.value)
        return caught.value

    def known(self, piece: Piece) -> Progress:
        return dict(json.loads(self.progress[piece.sha256]))


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    client = Client(server.url)
    yield client
    client.remote.close()


def test_a_piece_is_uploaded_registered_and_stored(server: Server, client: Client) -> None:
    piece = client.piece()
    assert client.deliver(piece) is Outcome.STORED
    assert server.titles() == ["session_history"]
    (source,) = server.state.sources.values()
    assert (source["title"], source["type"]) == ("A title", "chat_export")
    assert source["content_hash"] == piece.sha256
    assert server.state.body(source).encode() == piece.body
    upload = next(asked for asked in server.asked if asked.route == "upload")
    assert upload.headers["x-file-name"] == "claude-code-s-1-host-a-1.json"
    known = client.known(piece)
    assert known["source_id"] == source["id"]
    assert known["job_id"] in server.state.jobs


def test_the_notebook_is_looked_up_once_and_remembered(server: Server, client: Client) -> None:
    for number in range(1, 5):
        assert client.deliver(client.piece(number)) is Outcome.STORED
        client.start()
    assert server.titles() == ["session_history"]
    assert (server.count("list_notebooks"), server.count("create_notebook")) == (2, 1)


def test_a_new_notebook_that_is_not_listed_yet_is_not_made_again(
    server: Server, client: Client
) -> None:
    assert client.deliver(client.piece(1)) is Outcome.STORED
    client.start()
    server.fail("list_notebooks", status=200, body='{"notebooks":[]}')
    assert client.deliver(client.piece(2)) is Outcome.STORED
    assert (server.count("list_notebooks"), server.count("create_notebook")) == (2, 1)


def test_a_notebook_that_is_there_is_found(server: Server, client: Client) -> None:
    server.state.add_notebook("elsewhere", "session_history")
    server.state.add_notebook("aegis-daemon", "Session_History")
    mine = server.state.add_notebook("aegis-daemon", "session_history")
    client.deliver(client.piece())
    assert server.count("create_notebook") == 0
    assert [row["notebook_id"] for row in server.state.sources.values()] == [mine["id"]]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 501}, {"status": 500, "body": "no"}, {"status": 401}, {"status": 429},
        {"status": 404}, {"status": 200, "body": "<html>"}, {"kind": "reset"}, {"kind": "hang"},
        {"status": 200, "body": "{}"}, {"status": 200, "body": '{"notebooks":{}}'},
        {"status": 200, "body": '{"notebooks":[{"id":"x"}]}'},
        {"status": 200, "body": '{"notebooks":[{"id":"../x","title":"session_history"}]}'},
        {"status": 200, "body": '{"notebooks":[null]}'},
        {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
    ],
)  # fmt: skip
def test_a_listing_that_failed_never_leads_to_a_creation(
    server: Server, client: Client, fault: dict[str, Any]
) -> None:
    server.fail("list_notebooks", **fault)
    piece = client.piece()
    assert not client.fails(piece).ambiguous
    assert (server.count("create_notebook"), server.count("upload")) == (0, 0)
    server.heal()
    assert client.deliver(piece) is Outcome.STORED
    assert server.titles() == ["session_history"]


@pytest.mark.parametrize("route", ["upload", "register", "create_notebook"])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop"}, {"kind": "after", "delay": TIMEOUT + 0.2}, {"kind": "after"},
        {"kind": "after", "status": 502, "body": "<html>bad gateway"},
        {"kind": "after", "status": 202, "body": "garbage"},
        {"kind": "after", "status": 202, "body": "{}"},
        {"kind": "after", "status": 200, "body": '{"source":{"id":"../.."},"uploadId":7}'},
    ],
)  # fmt: skip
def test_a_stored_piece_without_an_answer_is_stored_once(
    server: Server, client: Client, route: str, fault: dict[str, Any]
) -> None:
    server.fail(route, times=1, **fault)
    piece = client.piece()
    assert client.fails(piece).ambiguous == (route == "register")
    client.start()
    assert client.deliver(piece) is Outcome.STORED
    assert server.titles() == ["session_history"]
    assert server.hashes() == [piece.sha256]
    assert client.deliver(piece) is Outcome.STORED
    assert server.hashes() == [piece.sha256]


@pytest.mark.parametrize(
    "fault", [{"kind": "reset"}, {"kind": "hang"}, {"status": 501}, {"status": 200, "body": "?"}]
)
def test_a_lost_request_is_repeated_only_when_it_can_have_no_effect(
    server: Server, client: Client, fault: dict[str, Any]
) -> None:
    server.fail("register", times=1, **fault)
    piece = client.piece()
    assert client.fails(piece).ambiguous
    client.start()
    error = client.fails(piece)
    assert (error.kind, error.ambiguous, error.then) == ("unconfirmed", True, Then.RETRY)
    assert error.retry_after_seconds == pytest.approx(SETTLE * TIMEOUT, abs=1)
    assert not error.counts
    assert server.count("register") == 1
    client.settle()
    assert client.deliver(piece) is Outcome.STORED
    assert (server.hashes(), server.count("upload")) == ([piece.sha256], 1)


def test_a_listing_that_lags_behind_costs_no_second_source(server: Server, client: Client) -> None:
    server.state.source_lag_seconds = 1.0
    server.fail("register", "drop", times=1)
    piece = client.piece()
    client.fails(piece)
    assert client.fails(piece).kind == "unconfirmed"
    time.sleep(1.1)
    assert client.deliver(piece) is Outcome.STORED
    assert server.hashes() == [piece.sha256]


@pytest.mark.parametrize("fault", [{"status": 501}, {"kind": "hang"}, {"status": 401}])
def test_a_look_up_that_failed_leaves_it_open(
    server: Server, client: Client, fault: dict[str, Any]
) -> None:
    server.fail("register", "drop", times=1)
    piece = client.piece()
    client.fails(piece)
    client.settle()
    server.fail("list_sources", **fault)
    assert client.fails(piece).ambiguous
    assert client.fails(piece).ambiguous
    assert server.count("register") == 1
    server.heal()
    assert client.deliver(piece) is Outcome.STORED
    assert server.hashes() == [piece.sha256]


def test_of_two_sources_with_one_hash_the_earliest_is_ours(server: Server, client: Client) -> None:
    server.fail("register", "drop", times=1)
    piece = client.piece()
    client.fails(piece)
    (first,) = server.state.sources.values()
    body = {"title": "t", "type": "txt", "sourceUploadId": first["r2_object_key"]}
    server.state.register("w", first["notebook_id"], body | {"contentHash": piece.sha256})
    client.deliver(piece)
    assert client.known(piece)["source_id"] == first["id"]


def test_a_clock_that_is_set_back_delays_and_loses_nothing(server: Server, client: Client) -> None:
    server.fail("register", "reset", times=1)
    piece = client.piece()
    client.fails(piece)
    client.wait(-86_400)
    assert client.fails(piece).kind == "unconfirmed"
    client.settle()
    assert client.deliver(piece) is Outcome.STORED


def test_a_killed_attempt_is_looked_up_first(server: Server, client: Client) -> None:
    piece = client.piece()
    client.deliver(piece)
    before = {key: client.known(piece)[key] for key in ("remote", "upload_id", "notebook_id")}
    client.progress[piece.sha256] = json.dumps(before | {"registering": client.now_us()})
    client.start()
    assert client.deliver(piece) is Outcome.STORED
    assert (server.count("register"), server.count("list_sources")) == (1, 1)


def test_the_intent_is_on_the_disk_before_the_request(server: Server, client: Client) -> None:
    server.fail("register", "hang")
    piece = client.piece()
    progress: Progress = {}
    saved: list[tuple[int, Progress]] = []

    def save() -> None:
        saved.append((server.count("register"), dict(progress)))

    with pytest.raises(RemoteError):
        client.remote.deliver(piece, progress, save, 10)
    assert [(asked, "registering" in known) for asked, known in saved] == [(0, False), (0, True)]


def test_a_creation_without_an_answer_is_not_made_again_at_once(
    server: Server, client: Client
) -> None:
    server.fail("create_notebook", "reset", times=1)
    piece = client.piece()
    client.fails(piece)
    client.start()
    assert client.fails(piece).kind == "unconfirmed"
    assert server.count("create_notebook") == 1
    client.settle()
    assert client.deliver(piece) is Outcome.STORED
    assert server.titles() == ["session_history"]


def test_of_two_notebooks_with_one_title_the_earliest_is_used(
    server: Server, client: Client
) -> None:
    later = server.state.add_notebook("aegis-daemon", "session_history", at=2_000_000_000)
    first = server.state.add_notebook("aegis-daemon", "session_history", at=1_900_000_000)
    assert later["created_at"] > first["created_at"]
    client.deliver(client.piece())
    assert [row["notebook_id"] for row in server.state.sources.values()] == [first["id"]]


def test_a_notebook_that_was_deleted_is_looked_up_again(server: Server, client: Client) -> None:
    client.deliver(client.piece(1))
    (old,) = server.state.notebooks
    server.state.delete_notebook(old)
    server.fail("register", status=404, body='{"error":"notebook not found"}', times=1)
    assert client.deliver(client.piece(2)) is Outcome.STORED
    assert server.titles() == ["session_history"]
    assert len(server.state.notebooks) == 2


def test_a_notebook_that_was_deleted_with_an_open_registration_holds_nothing(
    server: Server, client: Client
) -> None:
    server.fail("register", "reset", times=1)
    piece = client.piece()
    client.fails(piece)
    server.state.delete_notebook(next(iter(server.state.notebooks)))
    client.settle()
    assert client.deliver(piece) is Outcome.STORED
    (source,) = server.state.sources.values()
    assert not server.state.notebooks[source["notebook_id"]]["deleted_at"]


def test_a_remote_that_finds_nothing_at_all_is_a_pause(server: Server, client: Client) -> None:
    server.fail("register", status=404, body="Not Found")
    error = client.fails(client.piece())
    assert (error.kind, error.then) == ("not_found", Then.PAUSE)
    assert server.count("create_notebook") == 1


@pytest.mark.parametrize(
    ("status", "kind", "then"),
    [
        (400, "refused", Then.SPLIT),
        (401, "auth", Then.PAUSE),
        (403, "forbidden", Then.PAUSE),
        (413, "too_large", Then.SPLIT),
        (415, "refused", Then.SPLIT),
        (429, "rate_limited", Then.RETRY),
    ],
)
@pytest.mark.parametrize("route", ["upload", "register"])
def test_a_refused_piece_was_not_stored(
    server: Server, client: Client, route: str, status: int, kind: str, then: Then
) -> None:
    server.fail(route, status=status, body='{"error":"no"}')
    piece = client.piece()
    error = client.fails(piece)
    assert (error.kind, error.then, error.ambiguous) == (kind, then, False)
    server.heal()
    assert client.deliver(piece) is Outcome.STORED
    assert server.count("list_sources") == 0, "there is nothing to look up"


@pytest.mark.parametrize("route", ["create_notebook", "list_sources", "source"])
def test_only_a_request_that_carries_the_piece_can_ask_for_smaller_ones(
    server: Server, client: Client, route: str
) -> None:
    server.fail("register", "drop", times=1)
    server.fail(route, status=413, body="")
    piece = client.piece()
    errors = [client.fails(piece), client.fails(piece)]
    assert Then.SPLIT not in [error.then for error in errors]


def test_an_upload_is_kept_over_attempts(server: Server, client: Client) -> None:
    server.fail("register", status=429, body="", times=3)
    piece = client.piece()
    for _ in range(3):
        client.fails(piece)
        client.start()
    assert client.deliver(piece) is Outcome.STORED
    assert server.count("upload") == 1


def test_an_upload_that_is_not_known_yet_soon_is(server: Server, client: Client) -> None:
    server.state.upload_lag_seconds = 0.3
    piece = client.piece()
    error = client.fails(piece)
    assert (error.kind, error.then, error.counts) == ("not_ready", Then.RETRY, False)
    time.sleep(0.3)
    assert client.deliver(piece) is Outcome.STORED
    assert server.count("upload") == 1


def test_an_upload_that_stays_unknown_is_made_again(server: Server, client: Client) -> None:
    server.fail("register", status=404, body='{"error":"source upload not found"}', times=4)
    piece = client.piece()
    for _ in range(4):
        assert client.fails(piece).kind == "not_ready"
    assert client.deliver(piece) is Outcome.STORED
    assert server.count("upload") == 2
    assert server.hashes() == [piece.sha256]


def test_a_job_that_takes_its_time_is_looked_at_later(server: Server, client: Client) -> None:
    server.state.job_seconds = 1000
    piece = client.piece()
    began = time.monotonic()
    assert client.deliver(piece, seconds=2) is Outcome.PENDING
    assert time.monotonic() - began < 30
    looks = server.count("job")
    client.wait(60)
    assert client.deliver(piece) is Outcome.PENDING
    assert server.count("job") == looks + 1
    assert client.deliver(piece) is Outcome.PENDING
    assert server.count("job") == looks + 1, "not every pass asks"
    server.state.job_seconds = 0
    client.wait(60)
    assert client.deliver(piece) is Outcome.STORED
    assert server.hashes() == [piece.sha256]


def test_a_job_is_looked_at_less_and_less_often(server: Server, client: Client) -> None:
    server.state.job_seconds = -1
    piece = client.piece()
    client.deliver(piece, seconds=3)
    for _ in range(60):
        client.wait(60)
        client.deliver(piece)
    assert server.count("job") < 30


@pytest.mark.parametrize("status", ["queued", "parsing", "embedding", "paused", "", "None"])
def test_a_job_without_an_end_is_taken_as_stored_after_a_day(
    server: Server, client: Client, status: str
) -> None:
    server.state.job_status = status
    server.state.job_seconds = -1
    piece = client.piece()
    assert client.deliver(piece) is Outcome.PENDING
    client.wait(23 * 3600)
    assert client.deliver(piece) is Outcome.PENDING
    client.wait(2 * 3600)
    assert client.deliver(piece) is Outcome.STORED
    assert "not ended" in client.known(piece)["note"]
    assert server.hashes() == [piece.sha256]


def test_a_job_that_failed_is_reported_and_not_sent_again(server: Server, client: Client) -> None:
    server.state.job_status = "failed"
    piece = client.piece()
    for _ in range(2):
        error = client.fails(piece)
        assert (error.kind, error.then, error.counts) == ("job_failed", Then.REJECT, False)
        assert "stored, but not indexed: no valid conversations" in str(error)
        client.wait(60)
    assert server.hashes() == [piece.sha256]


def test_a_source_without_a_known_job_is_asked_itself(server: Server, client: Client) -> None:
    server.state.job_seconds = 1000
    piece = client.piece()
    server.fail("register", "drop", times=1)
    client.fails(piece)
    assert client.deliver(piece, seconds=1) is Outcome.PENDING
    assert "job_id" not in client.known(piece)
    server.state.job_seconds = 0
    client.wait(60)
    assert client.deliver(piece) is Outcome.STORED
    assert (server.count("job"), server.count("register")) == (0, 1)


def test_an_unknown_job_is_pending(server: Server, client: Client) -> None:
    piece = client.piece()
    server.fail("job", status=404, body='{"error":"job not found"}')
    server.fail("source", status=404, body='{"error":"source not found"}')
    assert client.deliver(piece) is Outcome.PENDING


def test_a_registered_piece_is_not_lost_when_the_look_at_its_job_fails(
    server: Server, client: Client
) -> None:
    server.fail("job", status=501)
    piece = client.piece()
    error = client.fails(piece)
    assert (error.kind, error.ambiguous) == ("out_of_memory", False)
    server.heal()
    assert client.deliver(piece) is Outcome.STORED
    assert server.count("register") == 1


def test_a_delivery_ends_with_the_time_it_was_given(server: Server, client: Client) -> None:
    piece = client.piece()
    assert client.fails(piece, seconds=0.0).kind == "out_of_time"
    assert server.asked == []
    server.fail(kind="hang", skip=3)
    began = time.monotonic()
    client.fails(piece, seconds=0.9)
    assert time.monotonic() - began < 30


def test_a_whole_pass_over_a_dead_remote_is_bounded_for_each_piece(client: Client) -> None:
    dead = Client("http://127.0.0.1:9")
    error = dead.fails(dead.piece())
    assert (error.kind, error.ambiguous, error.then) == ("unreachable", False, Then.RETRY)


def test_the_notebook_rolls_over_with_the_month(server: Server, client: Client) -> None:
    january = int(time.mktime((2027, 1, 20, 0, 0, 0, 0, 0, 0)) * 1e6)
    client.deliver(client.piece(1))
    client.deliver(client.piece(2, created_us=january))
    client.start()
    client.deliver(client.piece(3, created_us=january + HOUR_US))
    assert server.titles() == ["session_history", "session_history 2027-01"]
    client.deliver(client.piece(4))
    client.deliver(client.piece(5, created_us=january - 400 * 24 * HOUR_US))
    names = {row["id"]: row["title"] for row in server.state.notebooks.values()}
    used = [names[row["notebook_id"]] for row in server.state.sources.values()]
    new = "session_history 2027-01"
    assert used == ["session_history", new, new, "session_history", "session_history"]
    other = Client(server.url)
    other.deliver(other.piece(6, created_us=january))
    assert len(server.titles()) == 2, "two machines agree"


def test_the_notebook_rolls_over_when_it_is_full(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebooks, "FULL_SOURCES", 3)
    for number in range(1, 8):
        client.deliver(client.piece(number))
    assert server.titles() == ["session_history", "session_history (2)", "session_history (3)"]
    sizes = [row["source_count"] for row in server.state.listing("aegis-daemon")]
    assert sorted(sizes) == [1, 3, 3]
    assert server.count("list_notebooks") == 1, "one run lists once"


def test_one_run_lists_once_while_a_creation_is_unconfirmed(server: Server, client: Client) -> None:
    server.fail("create_notebook", "hang", times=1)
    assert client.fails(client.piece(1)).kind == "timeout"
    server.state.notebooks.clear()  # it never had an effect, and no process can know
    client.start()
    asked = server.count("list_notebooks")
    for number in range(2, 7):
        assert client.fails(client.piece(number)).kind == "unconfirmed"
    assert server.count("list_notebooks") == asked + 1


def test_a_single_text_is_divided_until_it_fits() -> None:
    body = thread.render(heading(), material("word " * 2000))
    waiting, done = [body], []
    while waiting:
        one = waiting.pop()
        parts = thread.split(one) if len(one) > 3000 else []
        waiting += reversed(parts)
        done += [] if parts else [one]
    assert all(len(one) <= 3000 for one in done)
    texts = [m["content"]["parts"][0] for one in done for m in json.loads(one)[0]["messages"][1:]]
    assert "".join(texts) == "word " * 2000
    ids = [json.loads(one)[0]["id"] for one in done]
    assert len(set(ids)) == len(ids)


def test_an_error_names_the_request_the_words_and_the_time(server: Server, client: Client) -> None:
    server.fail("list_notebooks")
    error = client.fails(client.piece())
    assert str(error) == "remote database out of memory"
    assert error.details.startswith(f"{error}: HTTP 501: Error: D1_ERROR: out of memory: SQLITE_NO")
    place = f"(GET {server.url}/api/v2/workspaces/aegis-daemon/notebooks, "
    assert place in error.details
    assert error.details.endswith(" s)")


def test_a_notebook_of_long_pieces_is_full_earlier(server: Server) -> None:
    big = Client(server.url)
    for number in range(1, 12):
        big.deliver(big.piece(number, text="x" * 900_000))
    assert server.titles() == ["session_history", "session_history (2)"]


def test_a_listing_that_runs_out_of_memory_does_not_stop_the_archive(
    server: Server, client: Client
) -> None:
    later = client.now_us() + 60 * 24 * HOUR_US
    client.deliver(client.piece(1))
    client.start()
    server.fail("list_notebooks", delay=TIMEOUT + 0.2)
    assert client.fails(client.piece(2, created_us=later)).kind == "timeout"
    asked = server.count("list_notebooks")
    for number in range(3, 6):
        assert client.deliver(client.piece(number, created_us=later)) is Outcome.STORED
        client.start()
    assert server.count("list_notebooks") == asked
    assert server.titles() == ["session_history"]
    server.heal()
    client.wait(3601)
    client.deliver(client.piece(6, created_us=later))
    assert len(server.titles()) == 2


def test_the_memory_of_deliveries_belongs_to_one_remote(server: Server, client: Client) -> None:
    piece = client.piece()
    client.deliver(piece)
    with Server() as other:
        client.settings = settings(other.url)
        client.start()
        assert client.deliver(piece) is Outcome.STORED
        assert other.hashes() == [piece.sha256]
        assert other.titles() == ["session_history"]


def test_memory_stays_small(server: Server, client: Client) -> None:
    now_us = client.now_us()
    for month in range(20):
        client.deliver(client.piece(month + 1, created_us=now_us + month * 31 * 24 * HOUR_US))
    assert len(json.loads(client.memory)["held"]) <= 13


def test_a_name_says_where_and_two_remotes_never_share_one() -> None:
    chosen = [
        settings("https://h.example"), settings("https://h.example/base"),
        settings("https://h.example", workspace="other"),
        settings("https://h.example", notebook="other"),
    ]  # fmt: skip
    names = [MindSpring(one, TOKEN, {}, lambda: None, lambda: 0).name for one in chosen]
    assert len(set(names)) == 4
    assert names[0].startswith("mindspring https://h.example")


def test_a_piece_may_not_be_longer_than_a_simple_upload() -> None:
    def limit(most: int) -> int:
        one = settings("https://h.example", max_source_bytes=most)
        return MindSpring(one, TOKEN, {}, lambda: None, lambda: 0).max_bytes

    assert limit(1_000_000) == 1_000_000
    assert limit(2**40) < 5 * 2**20


def test_a_workspace_and_a_title_may_hold_anything(server: Server) -> None:
    strange = Client(server.url, workspace="a/b ?#%ü", notebook='x "ü" /')
    assert strange.deliver(strange.piece()) is Outcome.STORED
    (row,) = server.state.notebooks.values()
    assert (row["workspace_id"], row["title"]) == ("a/b ?#%ü", 'x "ü" /')


def test_a_rate_limit_is_obeyed(server: Server, client: Client) -> None:
    server.limit = 1
    error = client.fails(client.piece())
    assert (error.kind, error.then, error.counts) == ("rate_limited", Then.RETRY, True)
    assert 0 < (error.retry_after_seconds or 0) <= 60


def test_a_key_without_the_scope_is_a_pause_that_says_so(server: Server, client: Client) -> None:
    server.tokens = {TOKEN: "read"}
    error = client.fails(client.piece())
    assert (error.kind, str(error)) == ("forbidden", "HTTP 403: Insufficient permissions")


def test_no_log_holds_the_token(
    server: Server, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client.deliver(client.piece())
    assert caplog.text
    assert TOKEN not in caplog.text


def test_a_thread_names_its_session_and_what_is_known_of_it() -> None:
    summary = {"request": "do it", "files_read": ["a", "b"], "learned": "", "source": "builtin"}
    head = heading(3, memory_id="m-1", summary=summary, created_us=1_500_000)
    body = thread.render(head, material("hello"))
    ((one,), messages) = (orjson.loads(body), orjson.loads(body)[0]["messages"])
    assert one["id"] == "claude-code/s-1/host-a/3"
    assert (one["title"], one["create_time"]) == ("A title", 1.5)
    assert messages[0]["author"] == {"role": "system"}
    (about,) = messages[0]["content"]["parts"]
    assert about.splitlines() == [
        "Session: claude-code/s-1, piece 3", "Host: host-a", "Project: github.com/x/y",
        "Memory id: m-1", "Request: do it", "Files read: a, b",
    ]  # fmt: skip
    assert messages[1] == {
        "id": "e0", "create_time": 0.0, "author": {"role": "user"},
        "content": {"parts": ["hello"]},
    }  # fmt: skip


ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(st.lists(ANY_TEXT), ANY_TEXT)
def test_every_text_is_whole_and_the_bytes_are_always_the_same(
    texts: list[str], title: str
) -> None:
    head = heading(title=title, created_us=1)
    body = thread.render(head, material(*texts))
    assert body == thread.render(head, material(*texts))
    assert is_archive(body.decode())
    said = [message["content"]["parts"][0] for message in orjson.loads(body)[0]["messages"][1:]]
    assert said == [text.encode("utf-8", "backslashreplace").decode() for text in texts]


def test_the_service_runs_as_a_process_and_outlives_a_kill(tmp_path: Path) -> None:
    program = FIXTURES / "mindspring_server.py"
    command = [sys.executable, str(program), "--port", "0", "--state", str(tmp_path / "state")]
    hashes = []
    for number in (1, 2):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{int(process.stdout.readline())}"
            client = Client(url)
            piece = client.piece(number)
            httpx.post(f"{url}/_faults", json={"route": "list_notebooks", "times": 1})
            assert client.fails(piece).kind == "out_of_memory"
            assert client.deliver(piece) is Outcome.STORED
            hashes.append(piece.sha256)
            seen = httpx.get(f"{url}/_seen").json()
            assert [row["content_hash"] for row in seen["sources"]] == hashes
            assert [row["title"] for row in seen["notebooks"]] == ["session_history"]
            assert seen["asked"]["register"] == 1
            process.send_signal(signal.SIGKILL)


def test_times_of_the_service_sort_as_text() -> None:
    assert moment(1_700_000_000.25) == to_text(1_700_000_000_250_000)
