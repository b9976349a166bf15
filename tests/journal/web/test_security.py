"""Which requests `journal web` answers, with which headers, and what it never serves."""

import http.client
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

import looked_at
import stored
from web_server import WebServer

PAGES = ("/", "/sessions", "/search?q=x", "/projects", "/files", "/usage", "/health",
         f"/sessions/{looked_at.FIXED}", "/api/sessions", "/api/status", "/api/usage",
         "/static/htmx.min.js", "/part/now", "/nowhere")  # fmt: skip
POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self'",
    "connect-src": "'self'", "form-action": "'self'", "base-uri": "'none'",
    "frame-ancestors": "'none'",
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    folder = tmp_path_factory.mktemp("web")
    looked_at.write(folder / "home", folder / "code")
    stored.sync_now(folder / "home")
    with WebServer(folder / "home", HOME=str(folder)) as running:
        yield running


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_gets_403_and_nothing_else(server: WebServer, page: str) -> None:
    name, _, value = server.cookie.partition("=")
    good = {"Cookie": server.cookie}
    sep = "&" if "?" in page else "?"
    strangers = [
        (page, {}),
        (page, {"Cookie": f"{name}={value}x"}),
        (page, {"Cookie": f"other={value}"}),
        (page, {**good, "Host": server.host.replace("127.0.0.1", "localhost")}),
        (page, {**good, "Host": "evil.example"}),
        (page, {**good, "Host": "127.0.0.1"}),
        (page, {**good, "Origin": "http://evil.example"}),
        (page, {**good, "Origin": "null"}),
        (page, {**good, "Origin": "http://127.0.0.1:1"}),
        (page, {**good, "Sec-Fetch-Site": "same-site"}),
        (page, {**good, "Sec-Fetch-Site": "cross-site"}),
        (f"{page}{sep}token=wrong", good),
        (f"{page}{sep}token=", good),
        (f"{page}{sep}token={server.token}&token=x", good),
        (f"{page}{sep}token={server.token}", {"Host": "evil.example"}),
        (f"{page}{sep}token={server.token}", {"Sec-Fetch-Site": "cross-site"}),
    ]
    for target, headers in strangers:
        answer = server.ask("GET", target, headers)
        assert (answer.status, answer.body) == (403, b"403 Forbidden\n"), (target, headers)
        assert "set-cookie" not in answer.headers
        assert set(answer.headers["content-security-policy"].split("; ")) == {
            f"{key} {said}" for key, said in POLICY.items()
        }


def test_two_hosts_or_origins_in_one_request_are_none(server: WebServer) -> None:
    connection = http.client.HTTPConnection(server.host, timeout=30)
    connection.putrequest("GET", "/", skip_host=True)
    for name, value in (("Host", server.host), ("Cookie", server.cookie),
                        ("Origin", server.origin), ("Origin", "http://evil.example")):  # fmt: skip
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 403
    connection.close()


def test_the_token_is_exchanged_and_leaves_the_address(server: WebServer) -> None:
    answer = server.ask("GET", f"/search?q=a%26b&token={server.token}")
    assert (answer.status, answer.headers["location"]) == (303, "/search?q=a%26b")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert server.token not in cookie
    for path in ("//evil.example", "/\\evil.example", "///evil.example/x", "/%2Fevil.example"):
        answer = server.ask("GET", f"{path}?token={server.token}")
        assert re.match(r"/(?![/\\])", answer.headers["location"]), answer.headers["location"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"])
def test_other_methods_are_refused(server: WebServer, method: str) -> None:
    headers = {"Cookie": server.cookie, "Content-Length": "0", "Origin": server.origin}
    answer = server.ask(method, "/", headers)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert server.ask(method, "/").status == 403


@pytest.mark.parametrize("page", PAGES)
def test_every_answer_has_the_headers(server: WebServer, page: str) -> None:
    answer = server.get(page)
    assert answer.status == (404 if page == "/nowhere" else 200)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"https?:|\*", answer.headers["content-security-policy"])
    if answer.headers["content-type"].startswith("text/html"):
        Tags().feed(answer.text)


class Tags(HTMLParser):
    """AssertionError: a tag runs something, or leads elsewhere."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            assert name != "style", tag
            if name in ("src", "href", "action", "hx-get"):
                assert re.match(r"/(?![/\\])|[?#]", value or ""), (tag, name, value)
        assert tag not in ("iframe", "object", "embed", "base", "style", "img")
        assert tag != "script" or dict(attrs)["src"]


TRAVERSAL = (
    "/static/../api.py", "/static/..%2fapi.py", "/static/%2e%2e/api.py", "/static//etc/passwd",
    "/static/%2fetc%2fpasswd", "/static/....//x", "/static/htmx.min.js%00", "/static/",
    "/sessions/../../etc/passwd", "/part/step?session=../../etc/passwd&step=x",
)  # fmt: skip


@pytest.mark.parametrize("target", TRAVERSAL)
def test_no_path_leads_out(server: WebServer, target: str) -> None:
    answer = server.get(target)
    assert answer.status == 404
    assert b"root:" not in answer.body


def test_a_port_in_use_is_reported(server: WebServer, tmp_path: Path) -> None:
    looked_at.Writer(tmp_path / "home").tell("a1", "UserPromptSubmit", 9, cwd="/x", prompt="hi")
    port = server.host.rpartition(":")[2]
    command = [sys.executable, "-m", "journal", "--home", str(tmp_path / "home"), "web"]
    done = subprocess.run([*command, "--port", port], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"journal: port {port} cannot be used: ")
    assert done.stderr.count("\n") == 1


def check_token_and_cookie(server: WebServer, other: WebServer) -> None:
    """They are those of one start alone."""
    assert other.token != server.token
    assert other.cookie.partition("=")[0] != server.cookie.partition("=")[0]
    both = {"Cookie": f"{server.cookie}; {other.cookie}"}  # a browser sends those of all ports
    assert other.ask("GET", "/", both).status == 200
    assert server.ask("GET", "/", both).status == 200
    assert other.ask("GET", "/", {"Cookie": server.cookie}).status == 403


def test_a_second_start_has_another_token_and_looking_changes_nothing(
    server: WebServer, tmp_path: Path
) -> None:
    """Days, packs, retry, dead and hooks stay as they are; the database says the same."""
    home, before = tmp_path / "home", tmp_path / "code"
    looked_at.write(home, before)
    stored.sync_now(home)
    known = {
        p: p.read_bytes() for p in home.rglob("*") if p.is_file() and "journal.db" not in p.name
    }
    facts = stored.rows(home, "select id, at_us, name from events order by 1")
    with WebServer(home) as running:
        for page in PAGES:
            running.get(page)
        check_token_and_cookie(server, running)
    after = {
        p: p.read_bytes() for p in home.rglob("*") if p.is_file() and "journal.db" not in p.name
    }
    local_pass = {
        home / name for name in ("clock", "sync.lock", "synced", "settled", "watch.lock", "pruned")
    }
    assert {p for p in after if after[p] != known.get(p)} - local_pass == {
        p for p in after if p.parent == home / "logs" and after[p] != known.get(p)
    }
    assert set(known) <= set(after)
    assert stored.rows(home, "select id, at_us, name from events order by 1") == facts
