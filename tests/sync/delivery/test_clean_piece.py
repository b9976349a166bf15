"""Nothing leaves as it is if the rules of the moment it is sent find anything in it."""

import hashlib
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import archived
import recordings
import stored
from archived import heads, retry_files
from commands import Commands
from journal.layout import Layout
from journal.redaction.redactor import Redactor
from journal.settings.sources import load_settings
from mindspring_server import TOKEN, Server
from sync.conditions import Conditions
from sync.delivery import deliveries, redact_before_send, retry_format, retry_queue
from sync.delivery.redact_before_send import UncleanError
from sync.delivery.retry_format import Waiting
from sync.remote import folder_files
from sync.remote.contract import Piece
from sync.remote.naming import name_of
from tests.sync.delivery.test_archive import Home

WORD = "ACME-20261121"
RULES = '[redact]\npatterns = ["ACME-[0-9]{8}"]\n'
SECRET = "ghp_" + "wV3xKq8ZtR1nLb5cYd0eHf6gJm2pSa9uQoTi"
REDACTOR = Redactor(bytes(32))


@pytest.fixture
def home(tmp_path: Path, commands: Commands) -> Home:
    return Home(tmp_path, commands)


def asked_with(server: Server, word: str, since: int = 0) -> list[str]:
    """The requests in which a word stands."""
    return [one.route for one in server.asked[since:] if word.encode() in one.body]


def piece(body: bytes, target: str, title: str = "t", session: str = "s") -> Waiting:
    made = Piece(
        archived.AGENT, session, "host-a", 1, title, time.time_ns() // 1000,
        hashlib.sha256(body).hexdigest(), body,
    )  # fmt: skip
    return Waiting.of(made, target, ())


def put(home: Home, body: bytes, title: str = "t", session: str = "s") -> Path:
    """A retry file that was not cut by a sync, for the remote that is set."""
    layout = Layout.at(home.path)
    target = name_of(load_settings(layout, {}).remote)
    return retry_queue.write_new(layout.retry, piece(body, target, title, session))


def thread(*texts: str) -> bytes:
    messages = [
        {"id": "m", "author": {"role": "user"}, "content": {"parts": [text]}} for text in texts
    ]
    return json.dumps([{"id": "a/s/h/1", "title": "t", "messages": messages}]).encode()


@pytest.mark.parametrize(
    ("route", "kind", "how"),
    [
        ("list_notebooks", "answer", "by a sync"),
        ("register", "answer", "by a rescan"),
        ("register", "reset", "by a sync"),
        ("register", "reset", "by a rescan"),
    ],
)
def test_a_waiting_piece_is_sent_redacted_by_the_new_rules(
    home: Home, server: Server, route: str, kind: str, how: str
) -> None:
    home.configure("mindspring", server.url)
    server.fail(route, kind, status=503)
    home.reported.turn("one", more=f" with {WORD}")
    assert home.sync()["failed"] == 1
    (head,) = heads(home.path)
    server.heal()
    before = len(server.asked)
    home.configure("mindspring", server.url, rest=RULES)
    if how == "by a rescan":
        assert home("redact", "--rescan", "--json").json["retry"] == 1
        assert WORD not in retry_files(home.path)[0].read_text()
    home.deliver_all()
    assert asked_with(server, WORD, before) == []
    ((source,), (text, *_)) = (server.state.sources.values(), archived.said(server.state))
    assert source["content_hash"] != head["sha256"]
    assert text.startswith("please do 1 with [redacted:user:")
    assert home.sync()["sent"] == 0


def test_a_stored_piece_without_an_answer_is_found_by_its_former_hash(
    home: Home, server: Server
) -> None:
    home.configure("mindspring", server.url)
    server.fail("register", "drop", times=1)
    home.reported.turn("one", more=f" with {WORD}")
    assert home.sync()["failed"] == 1
    (head,) = heads(home.path)
    before = len(server.asked)
    home.configure("mindspring", server.url, rest=RULES)
    assert home("redact", "--rescan", "--json").json["retry"] == 1
    home.deliver_all()
    assert asked_with(server, WORD, before) == []
    assert server.hashes() == [head["sha256"]]
    assert server.count("upload") == 1
    query = "select line from own_facts where name = 'Receipt'"
    ((receipt,),) = stored.rows(home.path, query)
    assert json.loads(receipt)["payload"]["progress"]["note"].startswith("stored as it was before")
    home.reported.turn("one")
    assert home.sync()["sent"] == 1


def test_a_folder_keeps_no_file_of_an_attempt_with_other_bytes(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    home.configure("folder", str(folder))
    line = recordings.line("Stop", {"session_id": "s", "last_assistant_message": WORD})
    path = put(home, line)
    found = retry_queue.read(path)
    retry_queue.update(path, replace(found, head=replace(found.head, attempts=1)))
    there = folder / "host-a" / folder_files.piece_name(found.piece)
    folder_files.put_all([(there, found.body)])
    home.configure("folder", str(folder), rest=RULES)
    home.sync()
    (only,) = folder.rglob("*.jsonl")
    assert only != there
    kept = json.loads(only.read_bytes())
    assert kept["payload"]["last_assistant_message"].startswith("[redacted:user:")
    assert {**kept, "payload": None} == {**json.loads(line), "payload": None}
    assert retry_files(home.path) == []


def test_a_foreign_file_in_retry_is_redacted_or_given_up(home: Home, server: Server) -> None:
    home.configure("mindspring", server.url)
    put(home, thread("fine"), session="fine")
    put(home, thread(f"the key {SECRET}"), f"about {SECRET}", "cleaned")
    put(home, b"no JSON at all: " + SECRET.encode(), session="given up")
    done = home("replay", "--all", "--json").json
    assert (done["sent"], done["dead"], done["waiting"]) == (2, 1, 0)
    assert asked_with(server, SECRET) == []
    assert sum("[redacted:github:" in text for text in archived.said(server.state)) == 1
    (dead,) = (home.path / "dead").glob("piece-*")
    kept = json.loads(dead.read_text())
    assert kept["reason"].startswith("unclean: it holds a secret")
    assert kept["body"].startswith("no JSON at all: [redacted:github:")
    home("sync")
    assert stored.rows(home.path, "select state from pieces where session = 'given up'") == [
        ("dead",)
    ]
    assert SECRET not in "".join(path.read_text() for path in home.path.rglob("*.json*"))


def test_a_piece_is_sent_as_it_is_if_nothing_is_to_be_redacted(home: Home, server: Server) -> None:
    home.configure("mindspring", server.url, rest="[redact]\nenabled = false\n")
    put(home, thread(SECRET))
    assert home.sync()["sent"] == 1
    assert archived.said(server.state) == [SECRET]


def test_a_redaction_that_fails_sends_nothing(
    home: Home, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.configure("mindspring", server.url)
    put(home, thread(SECRET))

    def fail(*_: Any) -> bytes:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Redactor, "json", fail)
    layout = Layout.at(home.path)
    environ = {**os.environ, archived.VARIABLE: TOKEN}
    conditions = Conditions(
        layout, load_settings(layout, {}), environ, time.time_ns, lambda: False, lambda: None
    )
    with pytest.raises(RuntimeError):
        deliveries.run(conditions, deliveries.Wish(cut=False))
    assert server.asked == []
    assert len(retry_files(home.path)) == 1


def test_only_what_hits_is_changed() -> None:
    lines = [recordings.line("Stop", {"session_id": "s", "n": n}) for n in range(3)]
    plan = recordings.line("Stop", {"session_id": "s"}, JOURNAL_PLAN=f"0123 {SECRET}")
    secret = recordings.line("Stop", {"session_id": "s", "m": SECRET})
    whole = piece(b"".join((*lines, secret, plan)), "folder /x")
    made = redact_before_send.cleaned(whole, REDACTOR)
    assert SECRET.encode() not in made.body
    assert made.body.splitlines(keepends=True)[:3] == lines
    assert made.body.count(b"[redacted:github:") == 2
    assert redact_before_send.cleaned(made, REDACTOR) is made
    assert made.head.progress == {}  # never tried: it may still grow
    assert retry_format.load(retry_format.dump(made)) == made
    greedy = Redactor(bytes(32), [r"[0-9a-f]{32}", r"\d{4}-\d\d-\d\d", "Stop"])
    assert redact_before_send.cleaned(whole, greedy).body.count(b'"event":"Stop"') == 5
    for body in (b"", b"{}", thread("x"), b"torn {", b"\xff\xfe", b"\n\n"):
        fine = piece(body, "folder /x")
        assert redact_before_send.cleaned(fine, REDACTOR) is fine
        assert redact_before_send.cleaned(fine, greedy) is fine
    for body in (b"\xff " + SECRET.encode(), b'{"payload":' + SECRET.encode() + b"}\n"):
        with pytest.raises(UncleanError):
            redact_before_send.cleaned(piece(body, "folder /x"), REDACTOR)
        made = redact_before_send.redacted_piece(piece(body, "folder /x"), REDACTOR)
        assert SECRET.encode() not in made.body


def test_an_upload_of_the_bytes_before_is_never_registered() -> None:
    tried = piece(thread(SECRET), "x", f"of {SECRET}")
    progress = {"remote": "x", "upload_id": "u", "upload_misses": 1, "notebook_id": "n"}
    head = replace(tried.head, attempts=2, progress=progress)
    head = replace(head, last_error=retry_format.LastError("odd", f"no {SECRET}"))
    made = redact_before_send.cleaned(replace(tried, head=head), REDACTOR).head
    before = {"remote": "x", "notebook_id": "n", "hashes_before": [tried.head.sha256]}
    assert made.progress == before
    assert SECRET not in f"{made}"
    assert (made.attempts, made.created_us) == (2, head.created_us)
