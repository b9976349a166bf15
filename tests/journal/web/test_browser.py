"""The pages in a real browser: with the keyboard alone, on a phone, and with hostile text."""

import re
import shutil
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

import looked_at
import stored
from chance import THOROUGH
from web_server import WebServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
OPTIONS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync")  # fmt: skip
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# While one types, a request may take the place of one that is not answered yet: htmx notes that.
REPLACED = ("htmx:afterRequest,", "htmx:sendAbort,")
MANY = 400 if THOROUGH else 200
MOST_NODES = 20_000 * MANY // 3_000  # so that one of 3,000 calls has no more than 20,000

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here to look with")


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> looked_at.Writer:
    folder = tmp_path_factory.mktemp("web")
    made = looked_at.write(folder / "home", folder / "code")
    for number in range(MANY):
        call = {"command": f"echo {number}"}
        made.call("many", "Bash", 9000 - number, call, {"stdout": f"{number}\n"}, cwd="/code/many")
    made.tell("many", "UserPromptSubmit", 9001, cwd="/code/many", prompt="count to some hundreds")
    made.tell("many", "Stop", 5000, cwd="/code/many", last_assistant_message="Counted.")
    made.tell("many", "SessionEnd", 4999, cwd="/code/many", reason="other")
    stored.sync_now(folder / "home")
    return made


@pytest.fixture(scope="module")
def server(writer: looked_at.Writer) -> Iterator[WebServer]:
    with WebServer(writer.home, HOME=str(writer.home.parent)) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield made
        made.close()


class Looking:
    """A page, and all that went wrong on it."""

    def __init__(self, context: "BrowserContext", server: WebServer) -> None:
        self.wrong: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda said: self._said(said.text))
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        self.page.on("dialog", lambda dialog: self.wrong.append(f"dialog: {dialog.message}"))
        self.page.on("request", lambda request: self._asked(request.url, server))
        self.page.goto(server.address)

    def _said(self, text: str) -> None:
        if not text.startswith(REPLACED):
            self.wrong.append(f"console: {text}")

    def _asked(self, url: str, server: WebServer) -> None:
        if not url.startswith(f"{server.origin}/"):
            self.wrong.append(f"request: {url}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, name: str) -> None:
        """Press Tab until the element with this text or label has the focus."""
        for _ in range(60):
            self.press("Tab")
            script = "(document.activeElement.textContent || '').trim()"
            if self.page.evaluate(script) == name:
                return
        raise AssertionError(f"Tab does not lead to {name}")

    def until(self, script: str, seconds: float = 30.0) -> None:
        """Wait until a script says yes. The page's policy forbids Playwright's own waiting."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(script):
            assert time.monotonic() < end, script
            time.sleep(0.05)

    @property
    def focused(self) -> str:
        return str(self.page.evaluate("document.activeElement.textContent")).strip()


SIZES = {"desk": DESK, "phone": PHONE}
# What the keyboard, hostile text and new events do is the same on a phone.
at_a_desk = pytest.mark.parametrize("opened", SIZES if THOROUGH else ["desk"], indirect=True)


@pytest.fixture(scope="module", params=SIZES)
def opened(
    request: pytest.FixtureRequest, browser: "Browser", server: WebServer
) -> Iterator[Looking]:
    """One tab for all tests of a size."""
    context = browser.new_context(
        viewport=SIZES[request.param], permissions=["clipboard-read", "clipboard-write"]
    )
    yield Looking(context, server)
    context.close()


@pytest.fixture
def looking(opened: Looking, server: WebServer) -> Iterator[Looking]:
    opened.wrong.clear()
    opened.page.goto(f"{server.origin}/")
    yield opened
    wide = opened.page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert opened.wrong == []
    assert wide <= 0, "wider than the screen"


def test_who_waits_for_me(looking: Looking) -> None:
    page = looking.page
    assert page.locator("h2").first.inner_text().startswith("Waits for you")
    card = page.locator(".card", has_text="Move the checkout")
    assert "npm run migrate:prod" in card.inner_text()
    assert re.search(r"1[2-9]m ago", card.inner_text())
    looking.press("j")
    assert looking.focused == "Move the checkout to the new payment provider"
    looking.press("Enter")
    page.wait_for_url("**/sessions/*")
    assert "npm run migrate:prod" in page.locator(".asks.big").inner_text()


@at_a_desk
def test_find_the_session_where_we_fixed_it_and_resume(looking: Looking) -> None:
    page = looking.page
    looking.press("/")
    page.keyboard.type("round half")
    looking.press("Enter")
    page.wait_for_url("**/search?q=round+half")
    page.keyboard.type(" up")  # as one types
    looking.until("location.search.includes('up')")
    page.locator("mark").first.wait_for()
    looking.press("ArrowDown")
    looking.press("Enter")
    page.wait_for_url(f"**/sessions/{looked_at.FIXED}**")
    page.locator(".target").wait_for()
    looking.press("y")
    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.endswith(f"/code/billing-api && claude --resume {looked_at.FIXED}")


@at_a_desk
def test_the_cost_of_a_week(looking: Looking) -> None:
    page = looking.page
    looking.tab_to("Usage")
    looking.press("Enter")
    page.wait_for_url("**/usage")
    page.locator("select[name=by]").focus()
    page.keyboard.type("week")
    page.locator("input[name=since]").focus()
    page.keyboard.type("7d")
    looking.until("location.search === '?by=week&since=7d'")
    page.locator("tbody tr td", has_text=re.compile(r"^\d{4}-W\d\d$")).first.wait_for()
    assert re.match(r"\$\d+\.\d\d", page.locator(".figures b").first.inner_text())
    assert "house-model-1" in page.locator("#list").inner_text()


@at_a_desk
def test_which_sessions_touched_this_file(looking: Looking) -> None:
    page = looking.page
    looking.tab_to("Files")
    looking.press("Enter")
    page.wait_for_url("**/files")
    page.keyboard.type("src/money.py")  # the field has the focus
    page.get_by_text("1 session worked on src/money.py").wait_for()
    looking.press("ArrowDown")
    assert looking.focused.startswith("invoice totals")
    looking.press("Enter")
    page.wait_for_url("**/sessions/*")


def test_a_session_is_read(looking: Looking, server: WebServer) -> None:
    page = looking.page
    page.goto(f"{server.origin}/sessions/{looked_at.FIXED}")
    edit = page.locator("details.call", has_text="money.py").nth(1)
    assert "+4 \u22123" in edit.locator("summary").inner_text()
    edit.locator("summary").focus()
    looking.press("Enter")
    edit.locator(".diff .ins").first.wait_for()
    assert "ROUND_HALF_UP" in edit.locator(".diff").inner_text()
    assert "2 failed, 14 passed" in page.locator("details.failed summary").inner_text()
    group = page.locator("details.agent")
    assert "Sub-agent Explore" in group.locator("summary").first.inner_text()
    group.locator("summary").first.focus()
    looking.press("Enter")
    group.locator("details.call").first.wait_for()
    assert page.locator(".said table td").first.inner_text() == "src/money.py"
    picture = page.locator("details.call", has_text="shot.png")
    picture.locator("summary").focus()
    looking.press("Enter")
    picture.get_by_text("picture (image/png").wait_for()


@at_a_desk
def test_hostile_text_does_nothing(looking: Looking, server: WebServer) -> None:
    page = looking.page
    for path in (
        f"/sessions/{looked_at.EVIL}",
        "/search?q=owned",
        "/projects",
        "/files",
        "/usage",
        "/",
    ):
        page.goto(server.origin + path)
        page.evaluate("document.querySelectorAll('details:not([open]) > summary')"
                      ".forEach(one => one.click())")  # fmt: skip
        page.wait_for_load_state("networkidle") if path == "/projects" else page.wait_for_timeout(1)
        assert "owned" not in page.title() or "document.title" in page.title()
        assert page.locator("main script, main img, main a[href^=javascript]").count() == 0


@at_a_desk
def test_a_new_event_shows_without_reload(
    looking: Looking, server: WebServer, writer: looked_at.Writer
) -> None:
    page = looking.page
    page.evaluate("window.unchanged = true")
    looking.until("document.getElementById('trouble').hidden")
    name = f"new{page.viewport_size['width'] if page.viewport_size else 0}"
    fresh = looked_at.Writer(writer.home)
    fresh.tell(name, "UserPromptSubmit", 0, cwd="/code/new", prompt=f"just asked {name}")
    page.locator("#runs ~ .rows", has_text=f"just asked {name}").wait_for()
    looking.press("j")
    page.goto(f"{server.origin}/sessions/{name}")
    page.locator(".asked").wait_for()
    page.evaluate("window.unchanged = true")
    fresh.call(name, "Bash", -1, {"command": "make it so"}, {"stdout": "done"}, cwd="/code/new")
    page.locator("details.call", has_text="make it so").wait_for()
    assert page.evaluate("window.unchanged") is True


@at_a_desk
def test_a_long_session_loads_as_one_scrolls(looking: Looking, server: WebServer) -> None:
    page = looking.page
    page.goto(f"{server.origin}/sessions/many")
    assert page.locator("details.call").count() < 100
    looking.until(
        """(scrollTo(0, document.body.scrollHeight),
          document.querySelector("#conversation").textContent.includes("Counted."))""",
        120,
    )
    assert page.locator("details.call").count() == MANY
    assert page.evaluate("document.querySelectorAll('*').length") < MOST_NODES
