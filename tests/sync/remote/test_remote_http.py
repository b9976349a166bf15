"""Every way in which a request can end, against a real server: bounded, and classified."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import format_datetime

import pytest

from journal import __version__
from journal.times import to_datetime, to_us
from mindspring_server import OUT_OF_MEMORY, TOKEN, Fault, Server
from sync.remote.answers import Answers, Request
from sync.remote.contract import RemoteError, Then
from sync.remote.http import Budget, Http, address

NOW_US = to_us("2026-11-21T07:00:00Z")
LIST = Request("GET", "/api/v2/workspaces/w/notebooks")
CREATE = Request.of_json(LIST.path, {"title": "t", "type": "research"}, refused=Then.SPLIT)


@contextmanager
def client(url: str, token: str = TOKEN, timeout: float = 0.6) -> Iterator[Http]:
    http = Http(url, token, Answers(token, lambda: NOW_US), 0.5, timeout)
    try:
        yield http
    finally:
        http.close()


def failed(
    url: str, request: Request = CREATE, *, token: str = TOKEN, seconds: float = 10.0
) -> RemoteError:
    """The error of one request; it has neither taken too long nor revealed the token."""
    began = time.monotonic()
    with client(url, token) as http, pytest.raises(RemoteError) as caught:
        http.json(request, Budget(seconds))
    assert time.monotonic() - began < 30
    error = caught.value
    assert token not in str(error)
    assert token not in repr(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 300
    return error


def test_an_answer_is_the_json_object(server: Server) -> None:
    with client(server.url) as http:
        assert http.json(CREATE, Budget(10))["title"] == "t"
        assert len(http.json(LIST, Budget(10))["notebooks"]) == 1
        assert TOKEN not in repr(http)


def test_a_request_says_its_length_and_who_asks(server: Server) -> None:
    with client(server.url + "/") as http:
        http.json(CREATE, Budget(10))
    (asked,) = server.asked
    assert asked.headers["content-length"] == str(len(CREATE.body))
    assert asked.headers["user-agent"] == f"agent-journal/{__version__}"
    assert asked.headers["accept-encoding"] == "identity"
    assert "transfer-encoding" not in asked.headers


def test_one_connection_serves_many_requests(server: Server) -> None:
    with client(server.url) as http:
        http.json(LIST, Budget(10))
        before = threading.active_count()
        for _ in range(20):
            http.json(LIST, Budget(10))
        assert threading.active_count() <= before


@pytest.mark.parametrize(
    ("status", "body", "kind", "then", "ambiguous"),
    [
        (400, '{"error":"title is required"}', "refused", Then.SPLIT, False),
        (401, '{"error":"Invalid API key"}', "auth", Then.PAUSE, False),
        (403, '{"error":"Insufficient permissions"}', "forbidden", Then.PAUSE, False),
        (404, '{"error":"notebook not found"}', "not_found", Then.PAUSE, False),
        (405, "", "refused", Then.PAUSE, False),
        (407, "", "auth", Then.PAUSE, False),
        (408, "", "timeout", Then.RETRY, True),
        (413, '{"error":"Request body too large"}', "too_large", Then.SPLIT, False),
        (415, '{"error":"Invalid content type"}', "refused", Then.SPLIT, False),
        (422, "", "refused", Then.SPLIT, False),
        (429, '{"error":"Rate limit exceeded"}', "rate_limited", Then.RETRY, False),
        (500, "Internal Server Error", "server_error", Then.RETRY, True),
        (501, '{"error":"Error: D1_ERROR: no such table"}', "database_error", Then.RETRY, True),
        (501, f'{{"error":"{OUT_OF_MEMORY}"}}', "out_of_memory", Then.RETRY, True),
        (500, "D1_ERROR: Out of memory", "out_of_memory", Then.RETRY, True),
        (502, "<html><body>bad gateway", "server_error", Then.RETRY, True),
        (503, "", "server_error", Then.RETRY, True),
        (200, "not JSON", "garbage", Then.RETRY, True),
        (200, "[1]", "garbage", Then.RETRY, True),
        (200, "", "garbage", Then.RETRY, True),
        (200, "<!DOCTYPE html><title>Sign in</title>", "garbage", Then.RETRY, True),
        (304, "", "redirect", Then.RETRY, True),
    ],
)
def test_a_status_has_its_class(
    server: Server, status: int, body: str, kind: str, then: Then, ambiguous: bool
) -> None:
    server.fail(status=status, body=body)
    error = failed(server.url)
    assert (error.kind, error.then, error.ambiguous) == (kind, then, ambiguous)
    asking = failed(server.url, LIST)
    assert (asking.kind, asking.ambiguous) == (kind, False), "a question changes nothing"
    if then is Then.SPLIT:
        assert asking.then is Then.PAUSE, "there is nothing to split"


def test_people_read_that_the_database_is_out_of_memory(server: Server) -> None:
    server.fail(delay=0.3)
    assert str(failed(server.url)) == "remote database out of memory"


def test_a_page_is_named_and_not_shown(server: Server) -> None:
    server.fail(status=500, body="<!doctype html>" + "x" * 10_000)
    assert str(failed(server.url)) == "HTTP 500: a page in HTML"


def test_a_text_of_the_remote_is_one_short_line_without_the_token(server: Server) -> None:
    text = "a" * 100 + "\n\x1b[31mkey " + TOKEN + " is \u202e wrong" + "b" * 100_000
    server.fail(status=400, body=text)
    shown = str(failed(server.url))
    assert shown.startswith("HTTP 400: " + "a" * 100 + " key [token]")
    assert len(shown) < 140
    assert shown.isprintable()
    assert TOKEN[:8] not in shown


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("999999999", 3600.0),
        (format_datetime(to_datetime(NOW_US + 90_000_000)), 90.0),
        (format_datetime(to_datetime(NOW_US - 90_000_000)), 0.0),
        ("Sat, 21 Nov 2026 07:00:30 GMT", 30.0),
        ("soon", None),
        ("-3", None),
        ("nan", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_bounded(
    server: Server, value: str, seconds: float | None
) -> None:
    server.fail(status=429, body="", headers={"Retry-After": value})
    assert failed(server.url).retry_after_seconds == seconds


@pytest.mark.parametrize("request_", [CREATE, LIST])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(kind="hang"), "timeout"),
        (Fault(kind="drip", delay=0.3, body='{"notebooks":[]}'), "timeout"),
        (Fault(kind="drip_headers", delay=0.2), "timeout"),
        (Fault(kind="reset"), "dropped"),
        (Fault(kind="drop"), "dropped"),
        (Fault(kind="short"), "dropped"),
        (Fault(kind="flood"), "garbage"),
        (Fault(status=307, headers={"Location": "https://else.example/x"}), "redirect"),
    ],
)
def test_an_answer_that_does_not_come_leaves_open_what_happened(
    server: Server, request_: Request, fault: Fault, kind: str
) -> None:
    server.faults.append(fault)
    error = failed(server.url, request_)
    assert (error.kind, error.then, error.counts) == (kind, Then.RETRY, True)
    assert error.ambiguous == (request_ is CREATE)
    server.heal()
    with client(server.url) as http:
        http.json(request_, Budget(10))


def test_a_redirect_is_named_and_not_followed(server: Server) -> None:
    server.fail(status=302, headers={"Location": f"{server.url}/api/uploads/simple"})
    assert "127.0.0.1" in str(failed(server.url))
    assert len(server.asked) == 1
    server.heal()
    server.fail(status=302, headers={"Location": f"https://{TOKEN.upper()}.example/"})
    assert "redirected to [token].example" in str(failed(server.url))
    server.heal()
    server.fail(status=302, headers={"Location": "/here"})
    assert "itself" in str(failed(server.url))


def test_after_a_late_answer_the_next_request_has_a_connection_of_its_own(server: Server) -> None:
    with client(server.url) as http:
        http.json(LIST, Budget(10))
        server.fail(kind="after", delay=1.0, body='{"late": true}', status=200, times=1)
        with pytest.raises(RemoteError, match=r"did not answer within 0\.6 s"):
            http.json(CREATE, Budget(10))
        time.sleep(0.6)
        assert "late" not in http.json(LIST, Budget(10))
        assert len(server.state.notebooks) == 1


def test_no_thread_is_left_behind_a_remote_that_drips(server: Server) -> None:
    before = {thread for thread in threading.enumerate() if thread.name == "remote"}
    server.fail(kind="drip_headers", delay=0.1, body=" " * 1000)
    failed(server.url)
    deadline = time.monotonic() + 3
    while {t for t in threading.enumerate() if t.name == "remote"} - before:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_closed_port_is_unreachable_and_not_ambiguous() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = failed(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert (error.kind, error.then, error.ambiguous) == ("unreachable", Then.RETRY, False)
    assert "refused" in str(error)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".example"])
def test_a_name_without_an_address_is_unreachable(host: str) -> None:
    error = failed(f"http://{host}")
    assert error.kind in ("unreachable", "timeout")
    assert not error.ambiguous


def test_a_server_without_tls_is_unreachable(server: Server) -> None:
    error = failed(server.url.replace("http:", "https:"))
    assert error.kind in ("unreachable", "timeout")
    assert not error.ambiguous


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose queue is full: connections to it are neither accepted nor refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.1)
        yield listener.getsockname()[1]
        for filler in fillers:
            filler.close()


def test_no_connection_in_time_is_not_ambiguous(full_port: int) -> None:
    began = time.monotonic()
    error = failed(f"http://127.0.0.1:{full_port}")
    assert (error.kind, error.ambiguous) == ("timeout", False)
    assert "no connection to" in str(error)
    assert time.monotonic() - began < 30


def test_a_name_server_that_hangs_costs_the_connect_timeout_and_sends_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, known = socket.getaddrinfo, threading.Event()

    def slow(*args: object, **more: object) -> object:
        known.wait(5)
        return asked(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    began = time.monotonic()
    error = failed(server.url)
    assert (error.kind, error.ambiguous) == ("timeout", False)
    assert time.monotonic() - began < 30
    known.set()
    time.sleep(0.3)
    assert server.asked == [], "no process waited any more"


def test_a_server_that_reads_nothing_is_bounded_too() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        big = Request("POST", "/x", b"x" * (30 << 20), creates=True)
        error = failed(f"http://127.0.0.1:{listener.getsockname()[1]}", big)
    assert (error.kind, error.ambiguous) == ("timeout", True)


def test_the_end_of_a_pass_does_not_count_as_an_error_of_the_remote(server: Server) -> None:
    error = failed(server.url, seconds=0.1)
    assert (error.kind, error.counts, error.ambiguous) == ("out_of_time", False, False)
    assert server.asked == []
    server.fail(kind="hang")
    error = failed(server.url, seconds=0.4)
    assert (error.kind, error.counts, error.ambiguous) == ("timeout", False, True)


def test_an_early_refusal_of_a_long_body_is_read(server: Server) -> None:
    big = Request("POST", "/api/uploads/simple", b"x" * (6 << 20), refused=Then.SPLIT)
    assert failed(server.url, big).kind == "too_large"


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ümlaut", "a\x00b"])
def test_an_invalid_token_is_not_sent(token: str) -> None:
    with pytest.raises(RemoteError) as caught:
        Http("http://h.example", token, Answers(token, lambda: 0), 1, 1)
    assert (caught.value.kind, caught.value.then) == ("no_token", Then.PAUSE)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://u:secret@h.example", "http://", "ftp://h", "http://h/?a=secret", "http://[::"]
)
def test_an_address_holds_no_secret(url: str) -> None:
    with pytest.raises(RemoteError) as caught:
        address(url)
    assert (caught.value.kind, caught.value.then) == ("settings", Then.PAUSE)
    assert "secret" not in str(caught.value)


def test_an_address_may_have_a_path() -> None:
    assert address("https://h.example:8443/base/") == "https://h.example:8443/base"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "foo://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_a_setting(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    error = failed("http://h.example")
    assert (error.kind, error.then) == ("settings", Then.PAUSE)
    assert "ALL_PROXY" in str(error)


def test_a_proxy_of_the_environment_is_used(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    with client("http://somewhere.invalid") as http, pytest.raises(RemoteError):
        http.json(LIST, Budget(10))
    assert server.asked[0].path.startswith("http://somewhere.invalid/")


def test_a_tunnel_that_is_refused_has_carried_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    error = failed("https://somewhere.invalid")
    assert (error.kind, error.ambiguous) == ("unreachable", False)


def test_no_log_holds_the_token(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.fail(kind="reset", times=1)
    failed(server.url)
    with client(server.url) as http:
        http.json(CREATE, Budget(10))
    assert caplog.text
    assert TOKEN not in caplog.text


def test_an_interrupted_wait_sends_nothing_more(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: object, timeout: float | None = None) -> bool:
        raise KeyboardInterrupt

    class Event(threading.Event):
        wait = interrupted

    release = threading.Event()
    monkeypatch.setattr("sync.remote.exchange.threading.Event", Event)
    asked = socket.getaddrinfo
    slow = lambda *args, **more: release.wait(5) and asked(*args, **more)  # noqa: E731
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with client(server.url) as http, pytest.raises(KeyboardInterrupt):
        http.json(CREATE, Budget(10))
    release.set()
    time.sleep(0.3)
    assert server.state.notebooks == {}
