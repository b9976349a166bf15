"""The HTML page: it is one file, loads nothing, and shows foreign content as text."""

import base64
import hashlib
import html
import os
import re
import shutil
import subprocess
import threading
import tracemalloc
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recordings
import stored
from chance import examples, measures_memory
from journal.layout import Layout
from journal.printable import clean
from reported import NOW_US, Reader, asked, tell
from sync.pages import html_page
from sync.pages.markdown import session_markdown
from sync.pages.value_text import Form, fields
from sync.query import detail, listing
from sync.query.filters import Filters, Wanted
from sync.query.session_detail import Answer, Detail, EventHead, Observation, Prompt
from sync.store import connection
from sync.transfer import export

ADOPT_ON = ("attended_prompt", "tool_before", "tool_after", "tool_failed")
HOSTILE = (
    "</p></section></main><script>document.title='owned'</script>]]>--><!-- \x1b[31mred\x1b[0m "
    "<img src=x onerror=alert(1)> <a href='javascript:alert(1)'>x</a> \u202eltr\u202c \ud800 &lt; "
    "'\"> <style>*{display:none}</style> {{x}} \0\x08 " + "y" * 5_000
)
SHOWN = clean(HOSTILE.replace("\ud800", "\ufffd"))  # as a payload is read
# What the page is made of; attributes that hold no text of others.
TAGS = {
    "html": {"lang"}, "head": set(), "meta": {"charset", "http-equiv", "content", "name"},
    "title": set(), "style": set(), "body": set(), "main": set(), "article": {"class", "id"},
    "h1": set(), "h2": set(), "h3": set(), "h4": set(), "nav": set(), "ol": set(), "li": set(),
    "a": {"href"}, "dl": set(), "dt": set(), "dd": set(), "section": {"class"}, "p": {"class"},
    "pre": {"class"}, "code": set(), "div": {"class"}, "h5": set(), "ul": set(), "em": set(),
    "strong": set(), "s": set(), "blockquote": set(), "hr": set(), "br": set(), "table": set(),
    "thead": set(), "tbody": set(), "tr": set(), "th": set(), "td": set(),
    "b": set(), "i": set(), "span": {"class"}, "details": {"class"},
    "summary": set(), "time": {"datetime"},
}  # fmt: skip
VOID = {"meta", "hr", "br"}


class Page(HTMLParser):
    """A page as a browser sees it; an AssertionError if it is not as it must be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []  # the innermost element, and its text
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        assert {name for name, _ in attrs} <= TAGS[tag], (tag, attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID, tag
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data}")

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def text(self) -> str:
        return "".join(text for tag, text in self.texts if tag != "style")


def squeezed(text: str) -> str:
    """Without white space: paragraphs and blocks of code bring their own."""
    return "".join(text.split())


def read(home: Path, name: str) -> Detail:
    db = connection.open_store(Layout.at(home))
    found = detail.read(db, listing.find(db, name), ADOPT_ON)
    db.close()
    return found


def page_of(found: Detail) -> Page:
    return Page("".join(html_page.page(found)))


@pytest.fixture
def hostile(journal: Reader) -> Reader:
    """A session in which every text that others choose is hostile."""
    fields: dict[str, Any] = {"cwd": f"/code/{HOSTILE}"}
    asked(journal.home, "aaaaaa01", HOSTILE, 100, **fields)
    call = {"tool_input": {"command": HOSTILE, HOSTILE: [{HOSTILE: 1}]}, "agent_type": HOSTILE}
    for name in ("Bash", HOSTILE):
        tool = {**call, "tool_name": name, "tool_use_id": name, "agent_id": "x"}
        tell(journal.home, "aaaaaa01", "PreToolUse", 90, **tool)
        tell(journal.home, "aaaaaa01", "PostToolUse", 89, **tool, tool_response={"out": HOSTILE})
    tell(journal.home, "aaaaaa01", "SubagentStart", 85, agent_id="x", agent_type=HOSTILE)
    tell(journal.home, "aaaaaa01", "Stop", 80, last_assistant_message=f"```{HOSTILE}\n{HOSTILE}")
    tell(journal.home, "aaaaaa01", "StopFailure", 75, error=HOSTILE)
    tell(journal.home, "aaaaaa01", "SessionEnd", 70, reason=HOSTILE)
    journal("sync")
    return journal


def test_the_page_shows_the_session_in_order_and_folds_its_tools(journal: Reader) -> None:
    recordings.write_journal(journal.home, "p-simple")
    text = journal("export", "c3af9c", "--format", "html")
    page = Page(text)
    order = [
        "<h1>please do the simple thing</h1>", "<dt>Session</dt>", "c3af9ce9-b3ec-4cfd",
        '<section class="summary">', '<section class="asked">', "<b>Bash</b>", "<b>Write</b>",
        "<b>Read</b>", "<b>Edit</b>", "<h3>Answer ",
    ]  # fmt: skip
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert page.all("details") == [{"class": "call ok"}] * 4  # none is open
    assert page.all("nav") == []
    assert "LINE ONE" in page.text
    assert 'ünïcödé "quotes" \\ back' in page.text
    assert text == "".join(html_page.page(read(journal.home, "c3af9c")))
    assert journal("export", "c3af9c", "--format", "html", "--since", "1d", code=2) == ""


def test_its_policy_allows_its_own_style_and_nothing_else(hostile: Reader) -> None:
    text = hostile("export", "aaaaaa", "--format", "html")
    (style,) = re.findall(r"<style>(.*?)</style>", text[: text.index("</head>")], re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    page = Page(text)
    metas = {meta.get("http-equiv") or meta.get("name"): meta["content"]
             for meta in page.all("meta") if "content" in meta}  # fmt: skip
    assert metas["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert text.index("Content-Security-Policy") < text.index("<style>")
    assert metas["referrer"] == "no-referrer"
    assert "width=device-width" in (metas["viewport"] or "")
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
    assert not re.search(r"url\(|@import|@font-face|image|//|\\", style)


def test_hostile_text_is_text(hostile: Reader) -> None:
    page = page_of(read(hostile.home, "aaaaaa"))  # parsing it looks at its tags
    assert Counter(tag for tag, _ in page.tags)["details"] == 3  # two calls, in a sub-agent's group
    assert page.text.count(SHOWN) >= 5  # prompt, input and output of two calls, the failed turn
    assert squeezed(page.text).count(squeezed(SHOWN)) >= 8  # and the answer, and the reason
    assert page.all("a") == []
    assert all(char.isprintable() or char == "\n" for char in page.text)


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Detail:
    """A session whose content tries to change the page."""
    home = tmp_path_factory.mktemp("some")
    asked(home, "aaaaaa01", "x", 100)
    stored.sync(home)
    return read(home, "aaaaaa")


TEXT = st.text(st.characters(codec=None), max_size=60) | st.sampled_from(
    [HOSTILE, "```\n<b>\n", "~~~x\n</pre>", "`<i>`", "\n\n a\t\r\n", "<!--", "<![CDATA[", "&amp;"]
)
PAYLOAD: st.SearchStrategy[Any] = st.recursive(
    TEXT | st.none() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=examples(60), deadline=None)
@given(data=st.data())
def test_stored_bodies_are_read_back_unchanged(some: Detail, data: st.DataObject) -> None:
    text, given_, out, tool, target = (
        data.draw(one) for one in (TEXT, PAYLOAD, PAYLOAD, TEXT, TEXT)
    )
    call = Observation(
        event_id="e", at_us=NOW_US, tool=tool, tool_use_id="t", ok=None, input={"k": given_},
        output=out, count=2, memory_id=None, target=target, subagent=tool,
    )  # fmt: skip
    session = replace(
        some.session, title=text, project=tool, cwd=target, branch=text, host=tool,
        end_reason=target, id=text,
    )  # fmt: skip
    said = replace(
        some,
        session=session,
        prompts=[Prompt("p", NOW_US - 1, text, by="person")],
        answers=[Answer("a", NOW_US + 1, text, failed=False)],
        observations=[call],
        events=[EventHead(name, NOW_US, "", "", "", "") for name in ("p", "e", "a")],
        summary={"request": text, "learned": target, "source": "command"},
    )
    page = page_of(said)
    assert Counter(tag for tag, _ in page.tags)["section"] == 3
    body = page.text.partition("\nPrompt ")[2]
    assert squeezed(clean(text)) in squeezed(body)  # the prompt; the answer is Markdown
    if all(field.form is not Form.JSON for field in fields({"k": given_})):
        assert all(squeezed(clean(value)) in squeezed(body) for value in strings(given_))


def strings(value: Any) -> list[str]:
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return [value] if isinstance(value, str) else [text for one in inner for text in strings(one)]


def test_many_sessions_are_one_page_with_its_contents(journal: Reader) -> None:
    for number in range(5):
        asked(journal.home, f"{number}aaaaa01", f"title {number} <b>", 1000 - number * 100)
    tell(journal.home, "ffffff01", "SessionStart", 30, source="startup")
    page = Page(journal("export", "--format", "html"))
    links = [(link["href"] or "")[1:] for link in page.all("a")]
    assert [article["id"] for article in page.all("article")] == links
    assert len(set(links)) == 5
    heads = [text for tag, text in page.texts if tag == "h2"]
    assert heads == [f"title {number} <b>" for number in range(5)]
    assert [text for tag, text in page.texts if tag == "a"] == heads
    newer = Page(journal("export", "--format", "html", "--since", "11m"))
    assert [link["href"] for link in newer.all("a")] == [f"#{links[4]}"]
    assert journal("export", "3aaaaa", "--format", "html").count(f'id="{links[3]}"') == 1
    none = Page(journal("export", "--format", "html", "--since", "2030-01-01"))
    assert "No session" in none.text
    assert none.all("article") == []


def test_both_kinds_of_page_show_the_same(journal: Reader) -> None:
    recordings.write_journal(journal.home, "p-subagent")
    session = "81c51193-5e2a-4d8a-9544-6748bb6b71b7"
    tell(journal.home, session, "Stop", -9, last_assistant_message="`ok` <b>\n```\ncode\n```")
    journal("sync")
    found = read(journal.home, "81c511")

    def words(text: str) -> str:
        return re.sub(r"[\W_]+", "", text)

    markdown = words(html.unescape(session_markdown(found)))
    texts = [words(text) for tag, text in page_of(found).texts if tag not in ("style", "title")]
    assert len(texts) > 100
    reported = [
        text for text in texts if not text.startswith("Subagent")
    ]  # with counts on the page
    assert [text for text in reported if text not in markdown] == []


@measures_memory
def test_no_more_than_a_session_is_kept_in_memory(tmp_path: Path) -> None:
    for number in range(12):
        for part in range(8):
            prompt = f"{number} {part} " + os.urandom(30_000).hex()
            asked(tmp_path, f"{number:x}aaaaa01", prompt, 9_000 - number * 100 - part)
    stored.sync(tmp_path)
    db = stored.database(tmp_path)
    wanted = Wanted(Filters(ADOPT_ON))
    sum(map(len, export.html_of(db, 1, ADOPT_ON)))  # loads what is loaded at first use
    tracemalloc.start()
    size = sum(map(len, export.html(db, wanted, ADOPT_ON)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    db.close()
    assert size > 5_500_000
    assert peak < size / 3


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Counted(BaseHTTPRequestHandler):
    """Serves one page, and notes each request."""

    asked_for: list[str]
    page: bytes

    def do_GET(self) -> None:
        self.asked_for.append(self.path)
        self.send_response(200 if self.path == "/page.html" else 404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.page if self.path == "/page.html" else b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here to look at the page with")
def test_a_browser_obeys_none_of_it_and_fetches_nothing(hostile: Reader, tmp_path: Path) -> None:
    handler = type("Handler", (Counted,), {"asked_for": [], "page": b""})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        leak = f"<img src=http://127.0.0.1:{server.server_port}/leak>"
        tell(hostile.home, "aaaaaa01", "UserPromptSubmit", 60, prompt=f"{leak}<script src=/s.js>")
        handler.page = hostile("export", "aaaaaa", "--format", "html").encode()
        where = f"http://127.0.0.1:{server.server_port}/page.html"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                   f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", where]  # fmt: skip
        done = subprocess.run([str(CHROMIUM), *options], capture_output=True, timeout=120)
        server.shutdown()
    seen = done.stdout.decode()
    assert handler.asked_for == ["/page.html"]
    assert (
        b"Content Security Policy" not in done.stderr
    )  # what it refuses it says; the style stands
    assert "<title>owned" not in seen
    Page(seen.replace("<!DOCTYPE html>", ""))
    assert leak.replace("<", "&lt;").replace(">", "&gt;") in seen
