"""The program: a line to type in, the list below it."""

from typing import ClassVar, NamedTuple

from rich.text import Text
from textual import on
from textual.app import App as Program
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from journal.agents import resuming
from journal.browse import drawing
from journal.browse.session_screen import SessionScreen
from journal.browse.source import Found, Source
from journal.cli.app import App
from journal.errors import JournalError
from journal.printable import one_line
from sync.query.listing import STATES, Session

_LOOK_SECONDS = 0.5
_AGES_SECONDS = 5.0
_OF_THE_LIST = ("type", "clear", "move", "open", "state", "project")


class Chosen(NamedTuple):
    """What is to be done when the program has left the screen."""

    resume: Session


class Browse(Program[Chosen | None]):
    """The journal in the terminal."""

    CSS = """
    Screen { layers: base; }
    #typed { border: none; height: 1; padding: 0 1; background: $panel; }
    #said { height: 1; padding: 0 1; color: $text-muted; }
    #list { border: none; height: 1fr; padding: 0; text-wrap: nowrap; text-overflow: ellipsis; }
    #about { padding: 0 1 1 1; }
    #told { padding: 0 1; }
    .asked { background: $boost; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar = [
        Binding("slash", "type", "search"),
        Binding("enter", "open", "read"),
        Binding("r", "resume", "resume"),
        Binding("y", "copy", "copy command"),
        Binding("s", "state", "state"),
        Binding("p", "project", "project"),
        Binding("escape", "clear", "clear", show=False),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
        Binding("q,ctrl+c", "quit", "quit"),
    ]

    def __init__(self, app: App, text: str = "") -> None:
        super().__init__()
        self.source = Source(app)
        self._journal = app
        self._text = text
        self._found = Found([], [], 0)
        self._filled = ""

    def compose(self) -> ComposeResult:
        """The line, what was found, the list, the keys."""
        hint = "search \u2026 or project:NAME state:awaiting agent: branch: since:3d"
        yield Input(self._text, placeholder=hint, id="typed", compact=True)
        yield Static("", id="said", markup=False)
        yield OptionList(id="list", markup=False, compact=True)
        yield Footer()

    @property
    def _line(self) -> Input:
        return self.screen_stack[0].query_one("#typed", Input)

    @property
    def _rows(self) -> OptionList:
        return self.screen_stack[0].query_one("#list", OptionList)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Some keys are those of the list alone."""
        return action not in _OF_THE_LIST or not isinstance(self.screen, SessionScreen)

    def on_mount(self) -> None:
        """Look now, and whenever something happens."""
        self.theme = "ansi-dark" if "ansi-dark" in self.available_themes else self.theme
        self._rows.focus()
        self._look()
        self.set_interval(_LOOK_SECONDS, self._follow)
        self.set_interval(_AGES_SECONDS, self._refill)

    def on_unmount(self) -> None:
        """Let go of the database."""
        self.source.close()

    @on(Input.Changed, "#typed")
    def _typed(self) -> None:
        self._look()

    @on(Input.Submitted, "#typed")
    def _entered(self) -> None:
        self._rows.focus()

    @on(OptionList.OptionSelected, "#list")
    def _selected(self) -> None:
        self.action_open()

    def _look(self) -> None:
        self.run_worker(self._find, thread=True, exclusive=True, group="find")

    def _find(self) -> None:
        """In a thread: the last question that was asked is answered."""
        worker = get_current_worker()
        text = self._line.value
        try:
            found = self.source.find(text)
        except JournalError as error:
            self.call_from_thread(self._say, f"{error} ({error.hint})", "bold red")
            return
        if not worker.is_cancelled:
            self.call_from_thread(self._fill, text, found)

    def _fill(self, text: str, found: Found) -> None:
        """Show what was found; the cursor stays on its session."""
        options = self._rows
        before = self._key(options.highlighted) if text == self._filled else None
        self._found, self._filled = found, text
        now_us = self._journal.now_us
        rows = [drawing.session_row(one, now_us) for one in found.sessions]
        rows += [drawing.hit_row(hit) for hit in found.hits]
        options.clear_options()
        options.add_options([Option(row) for row in rows])
        keys = [self._key(number) for number in range(len(rows))]
        if rows:
            options.highlighted = keys.index(before) if before in keys else 0
        what = "place" if found.hits else "session"
        self._say(f"{found.total:,} {what}{'' if found.total == 1 else 's'}")

    def _refill(self) -> None:
        if self._found.sessions and len(self.screen_stack) == 1:
            self._fill(self._filled, self._found)

    def _say(self, text: str, style: str = "dim") -> None:
        problem = self.source.problem
        said = Text(one_line(text), style)
        if problem is not None:
            said.append(f" \u00b7 {one_line(str(problem))}", "bold red")
        self.screen_stack[0].query_one("#said", Static).update(said)

    def _key(self, number: int | None) -> str | None:
        """The session (and event) of a row."""
        if number is None:
            return None
        if number < len(self._found.sessions):
            one = self._found.sessions[number]
            return f"{one.agent}/{one.id}"
        at = number - len(self._found.sessions)
        if at >= len(self._found.hits):
            return None
        hit = self._found.hits[at]
        return f"{hit.agent}/{hit.session}"

    def _follow(self) -> None:
        self.run_worker(self._changed, thread=True, exclusive=True, group="follow")

    def _changed(self) -> None:
        try:
            changed = self.source.changed()
        except JournalError as error:
            self.call_from_thread(self._say, str(error), "bold red")
            return
        if changed and not get_current_worker().is_cancelled:
            self.call_from_thread(self._again)

    def _again(self) -> None:
        if len(self.screen_stack) == 1 and not self._found.hits:
            self._look()

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
            self._say(str(error), "bold red")
            return None

    def action_type(self) -> None:
        """Go to the line."""
        self._line.focus()

    def action_clear(self) -> None:
        """Back to the list; a second time empties the line."""
        if self.focused is not None and self.focused.id == "typed":
            self._rows.focus()
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
        options = self._rows
        session = self._chosen()
        if session is None:
            return
        at = (options.highlighted or 0) - len(self._found.sessions)
        hit = self._found.hits[at] if 0 <= at < len(self._found.hits) else None
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
            self.notify("no way back into this session is known", severity="warning")
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
