"""One session with all that was said and done; more of it is shown as one goes down."""

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static
from textual.worker import get_current_worker

from journal.agents import resuming
from journal.browse import drawing
from journal.browse.source import Source
from journal.errors import JournalError
from journal.printable import one_line
from sync.pages.steps import Block, Group, Words
from sync.query.listing import Session

CHUNK = 40  # blocks
_NEAR_ROWS = 20


class SessionScreen(Screen[None]):
    """Reads one session. `event`: begin where it is."""

    BINDINGS = [  # noqa: RUF012 - as Textual declares it
        Binding("escape,q", "app.pop_screen", "back"),
        Binding("r", "app.resume", "resume"),
        Binding("y", "app.copy", "copy command"),
        Binding("d", "details", "details"),
        Binding("n", "prompt(1)", "next prompt"),
        Binding("p", "prompt(-1)", "previous"),
        Binding("space", "page(1)", "page", show=False),
        Binding("b", "page(-1)", "page back", show=False),
        Binding("j", "line(1)", show=False),
        Binding("k", "line(-1)", show=False),
        Binding("g,home", "edge(0)", show=False),
        Binding("G,end", "edge(1)", show=False),
    ]

    def __init__(self, source: Source, session: Session, event: str = "") -> None:
        super().__init__()
        self.session = session
        self._source = source
        self._event = event
        self._blocks: list[Block] = []
        self._shown = 0
        self._in_full = False

    def compose(self) -> ComposeResult:
        """The session's heading, what was said, the keys."""
        resume = resuming.line(self.session.agent, self.session.id, self.session.cwd)
        now_us = self._source.app.now_us
        yield Static(drawing.heading(self.session, resume, now_us), id="about", markup=False)
        with VerticalScroll(id="conversation"):
            yield Static("reading \u2026", id="wait", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Read it in a thread."""
        self.query_one("#conversation").focus()
        self.run_worker(self._read, thread=True, exclusive=True)

    def _read(self) -> None:
        worker = get_current_worker()
        try:
            _, blocks = self._source.reported(f"{self.session.agent}/{self.session.id}")
        except JournalError as error:
            self.app.call_from_thread(self._say, str(error))
            return
        if not worker.is_cancelled:
            self.app.call_from_thread(self._begin, blocks)

    def _say(self, text: str) -> None:
        self.query_one("#wait", Static).update(one_line(text))

    def _begin(self, blocks: list[Block]) -> None:
        self.run_worker(self._show(blocks), group="show")

    async def _show(self, blocks: list[Block]) -> None:
        self._blocks = blocks
        place = self._place()
        if not blocks:
            self._say("Nothing was said or done.")
            return
        await self.query_one("#wait").remove()
        while self._shown <= place:
            await self._more()
        if place:
            self.call_after_refresh(self._go_to, place)

    def _place(self) -> int:
        for number, block in enumerate(self._blocks):
            inner = block.steps if isinstance(block, Group) else ()
            if self._event and (block.id == self._event or any(s.id == self._event for s in inner)):
                return number
        return 0

    async def _more(self) -> None:
        """Show the next blocks, each prompt and what follows it as one widget."""
        if self._shown >= len(self._blocks):
            return
        some = self._blocks[self._shown : self._shown + CHUNK]
        reported = self.query_one("#conversation", VerticalScroll)
        made, wanted = [], self._wanted()
        for number, block in enumerate(some):
            drawn = drawing.blocks([block], wanted)
            kind = "asked" if isinstance(block, Words) and block.by_person else "step"
            made.append(Static(drawn, id=f"b{self._shown + number}", classes=kind, markup=False))
        self._shown += len(some)
        await reported.mount_all(made)

    def _wanted(self) -> set[str]:
        if not self._in_full:
            return set()
        steps = (s for b in self._blocks for s in (b.steps if isinstance(b, Group) else (b,)))
        return {step.id for step in steps}

    async def action_details(self) -> None:
        """Show or hide what calls were given and gave back."""
        self._in_full = not self._in_full
        wanted = self._wanted()
        for number in range(self._shown):
            drawn = drawing.blocks([self._blocks[number]], wanted)
            self.query_one(f"#b{number}", Static).update(drawn)

    async def action_page(self, pages: int) -> None:
        """Go on, or back, by a screen."""
        reported = self.query_one("#conversation", VerticalScroll)
        reported.scroll_relative(y=pages * max(1, reported.size.height - 2), animate=False)
        await self._fill()

    async def action_line(self, lines: int) -> None:
        """Go on, or back, by a line."""
        self.query_one("#conversation", VerticalScroll).scroll_relative(y=lines, animate=False)
        await self._fill()

    async def action_edge(self, end: int) -> None:
        """Go to the beginning or the end."""
        reported = self.query_one("#conversation", VerticalScroll)
        while end and self._shown < len(self._blocks):
            await self._more()
        if end:
            self.call_after_refresh(reported.scroll_end, animate=False)
        else:
            reported.scroll_home(animate=False)

    async def action_prompt(self, step: int) -> None:
        """Go to the next or the previous prompt."""
        reported = self.query_one("#conversation", VerticalScroll)
        asked = [n for n, b in enumerate(self._blocks) if isinstance(b, Words) and b.by_person]
        here = 0
        for number in range(self._shown):
            if self.query_one(f"#b{number}").virtual_region.y <= reported.scroll_y + 1:
                here = number
        wanted = [n for n in asked if (n > here if step > 0 else n < here)]
        if not wanted:
            return
        place = wanted[0] if step > 0 else wanted[-1]
        while self._shown <= place:
            await self._more()
        self.call_after_refresh(self._go_to, place)

    def _go_to(self, number: int) -> None:
        reported = self.query_one("#conversation", VerticalScroll)
        reported.scroll_to_widget(self.query_one(f"#b{number}"), animate=False, top=True)

    async def _fill(self) -> None:
        reported = self.query_one("#conversation", VerticalScroll)
        if reported.max_scroll_y - reported.scroll_y < _NEAR_ROWS:
            await self._more()
