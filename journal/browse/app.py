"""The program: a line to type in, the list below it, the footer."""

import asyncio
import signal
from contextlib import suppress
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual import on
from textual.app import App as Program
from textual.app import ComposeResult
from textual.binding import Binding
from textual.events import Resize
from textual.message import Message
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option

from journal.agents import resuming
from journal.browse import drawing
from journal.browse.lookup_thread import Looking
from journal.browse.session_screen import SessionScreen
from journal.browse.source import Found, Source
from journal.cli.screen.tables import age
from journal.errors import JournalError
from sync.query.listing import STATES, Session

_AGES_SECONDS = 1.0
_OF_THE_LIST = ("type", "clear", "move", "open", "state", "project")
_WAYS_OUT = ("SIGINT", "SIGTERM")  # SIGHUP ends the process: the terminal is gone


class Chosen(NamedTuple):
    """What is to be done when the program has left the screen."""

    resume: Session


class Answer(Message):
    """What was found for the line, or why nothing was."""

    def __init__(self, text: str, found: Found | Exception) -> None:
        super().__init__()
        self.text, self.found = text, found


class Line(Input):
    """What is typed. Enter and Down go to the list at once: the next key is one of its keys."""

    BINDINGS: ClassVar = [Binding("enter,down", "app.clear", show=False)]


class Browse(Program[Chosen | Exception | None]):
    """The journal in the terminal."""

    CSS = """
    Screen { layers: base; }
    #typed { border: none; height: 1; padding: 0 1; background: $panel; }
    #counted, #heads, #footer { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    #list { border: none; height: 1fr; padding: 0; text-wrap: nowrap; text-overflow: ellipsis;
            scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    #about { padding: 0 1 1 1; }
    #conversation { padding: 0 1; }
    .asked { background: $boost; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar = [
        # Before the list gets the key: the next one may be a letter of the line already.
        Binding("slash", "type", "search", priority=True),
        Binding("o", "open", "read", key_display="enter"),  # the list itself obeys Enter
        Binding("r", "resume", "resume"),
        Binding("y", "copy", "copy command"),
        Binding("s", "state", "state"),
        Binding("p", "project", "project"),
        Binding("escape", "clear", "clear", show=False),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
        Binding("q", "quit", "quit"),
        Binding("ctrl+c", "quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
    ]

    def __init__(self, source: Source, text: str = "") -> None:
        super().__init__()
        self.source = source
        self._text = text
        self._found = Found()
        self._filled: str | None = None  # the line that the list answers
        self._problem: JournalError | None = None
        self._columns = 80
        self._aging: object = None  # all that time changes, as it is on the screen
        self._looking = Looking(
            source, text, lambda *reported: self.post_message(Answer(*reported))
        )

    def compose(self) -> ComposeResult:
        """The line, what was found, the list, the footer, the keys."""
        hint = "search \u2026 or project:NAME state:awaiting agent: branch: since:3d"
        yield Line(self._text, placeholder=hint, id="typed", compact=True)
        yield Static("", id="counted", markup=False)
        yield Static("", id="heads", markup=False)
        yield OptionList(id="list", markup=False, compact=True)
        yield Static("", id="footer", markup=False)
        yield Footer()

    @property
    def _line(self) -> Input:
        return self.screen_stack[0].query_one("#typed", Input)

    @property
    def _rows(self) -> OptionList:
        return self.screen_stack[0].query_one("#list", OptionList)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Some keys are those of the list alone."""
        if action == "type" and self.focused is self._line:
            return False
        return action not in _OF_THE_LIST or not isinstance(self.screen, SessionScreen)

    def on_mount(self) -> None:
        """Look now, and whenever something happens; leave as one should, on every way out."""
        self.theme = "ansi-dark" if "ansi-dark" in self.available_themes else self.theme
        self.screen.set_focus(self._rows)
        with suppress(NotImplementedError, AttributeError):  # Windows
            for name in _WAYS_OUT:
                number = getattr(signal, name)
                asyncio.get_running_loop().add_signal_handler(number, self._leave, number)
        self._looking.start()
        self.set_interval(_AGES_SECONDS, self._grow_older)

    def _leave(self, number: int) -> None:
        """Leave; the same signal once more ends the process as it stands."""
        asyncio.get_running_loop().remove_signal_handler(number)
        self.exit()

    def on_unmount(self) -> None:
        """Let go of the database."""
        self._looking.close()

    @on(Input.Changed, "#typed")
    def _typed(self, changed: Input.Changed) -> None:
        self._looking.ask(changed.value)

    @on(OptionList.OptionSelected, "#list")
    def _selected(self) -> None:
        self.action_open()

    @on(Answer)
    def _answered(self, answer: Answer) -> None:
        """What cannot be read is said, and what was read before stays."""
        if isinstance(answer.found, JournalError):
            self._problem = answer.found
            self._draw_footer()
            return
        if isinstance(answer.found, Exception):
            self.exit(answer.found)
            return
        self._problem = None
        kept = self._kept() if answer.text == self._filled else None
        self._found, self._filled = answer.found, answer.text
        self._draw(kept)

    def on_resize(self, event: Resize) -> None:
        """The table is as wide as the screen."""
        self._columns = event.size.width  # `size` is still the one before
        if self._filled is not None:
            self._draw(self._kept())

    def _grow_older(self) -> None:
        if self._filled is not None and self._ages() != self._aging:
            self._draw(self._kept())

    def _ages(self) -> object:
        now_us = self.source.app.now_us
        since = [us for one in self._found.sessions for us in (one.last_us, one.waiting_us) if us]
        return [age(now_us - us) for us in since], self._footer().plain

    def _draw(self, key: str | None) -> None:
        """Show what was found, the cursor on this session."""
        options, now_us = self._rows, self.source.app.now_us
        heads, rows = drawing.table(self._found.sessions, now_us, max(self._columns - 1, 1))
        if self._found.hits is not None:
            rows = [drawing.hit_row(hit) for hit in self._found.hits]
        if len(rows) == options.option_count:
            for number, row in enumerate(rows):
                if options.options[number].prompt != row:
                    options.replace_option_prompt_at_index(number, row)
        else:
            options.clear_options()
            options.add_options([Option(row) for row in rows])
        keys = [self._key(number) for number in range(len(rows))]
        options.highlighted = (keys.index(key) if key in keys else 0) if rows else None
        top = self.screen_stack[0]
        top.query_one("#counted", Static).update(drawing.counted(self._found))
        top.query_one("#heads", Static).update(heads)
        self._draw_footer()
        self._aging = self._ages()

    def _kept(self) -> str | None:
        """The session on which the cursor stays. On the first row it stays there: what is new
        comes to the top, and is to be seen.
        """
        return self._key(self._rows.highlighted or None)

    def _footer(self) -> Text:
        problem = self._problem or self.source.problem
        found = None if self._filled is None else self._found
        return drawing.footer(found, problem, self.source.app.now_us)

    def _draw_footer(self) -> None:
        self.screen_stack[0].query_one("#footer", Static).update(self._footer())

    def _key(self, number: int | None) -> str | None:
        """The session of a row."""
        found = self._found
        rows = [(one.agent, one.id) for one in found.sessions] if found.hits is None else [
            (hit.agent, hit.session) for hit in found.hits
        ]  # fmt: skip
        return "/".join(rows[number]) if number is not None and number < len(rows) else None

    def _chosen(self) -> Session | None:
        """The session that is read, or on which the cursor is."""
        if isinstance(self.screen, SessionScreen):
            return self.screen.session
        name = self._key(self._rows.highlighted)
        if name is None:
            return None
        try:
            return self.source.session(name)
        except JournalError as error:
            self._problem = error
            self._draw_footer()
            return None

    def action_type(self) -> None:
        """Go to the line."""
        self.screen.set_focus(self._line)  # at once: the next key is a letter of it

    def action_clear(self) -> None:
        """Back to the list; a second time empties the line."""
        if self.focused is not None and self.focused.id == "typed":
            self.screen.set_focus(self._rows)
        else:
            self._line.value = ""

    def action_move(self, step: int) -> None:
        """Up or down."""
        options = self._rows
        if step > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def action_open(self) -> None:
        """Read the session."""
        session = self._chosen()
        if session is None:
            return
        at, hits = self._rows.highlighted or 0, self._found.hits or ()
        hit = hits[at] if at < len(hits) else None
        event = hit.event_id.hex() if hit and hit.event_id else ""
        self.push_screen(SessionScreen(self.source, session, event))

    def action_resume(self) -> None:
        """Leave, and go back into the session."""
        if (session := self._chosen()) is not None:
            self.exit(Chosen(session))

    def action_copy(self) -> None:
        """Copy the command that goes back into the session."""
        session = self._chosen()
        if session is None:
            return
        line = resuming.line(session.agent, session.id, session.cwd)
        if not line:
            self.notify("this session cannot be resumed", severity="warning")
            return
        self.copy_to_clipboard(line)
        self.notify(f"copied: {line}", markup=False)

    def action_state(self) -> None:
        """The next state as a filter."""
        typed = self._line
        words = typed.value.split()
        now = next((w.partition(":")[2] for w in words if w.startswith("state:")), "")
        order = ("", *STATES, "")
        following = order[order.index(now if now in STATES else "") + 1]
        rest = [word for word in words if not word.startswith("state:")]
        typed.value = " ".join([*rest, f"state:{following}"] if following else rest)

    def action_project(self) -> None:
        """This session's project as a filter, or none again."""
        typed = self._line
        rest = [word for word in typed.value.split() if not word.startswith("project:")]
        session = self._chosen()
        if len(rest) == len(typed.value.split()) and session is not None and session.project:
            rest.append(f"project:{session.project}")
        typed.value = " ".join(rest)
