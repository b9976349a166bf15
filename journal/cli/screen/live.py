"""`journal sessions --live`: the list in place, drawn again only if a text on it changed."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import apsw
from rich.text import Text

from journal.cli.app import App
from journal.cli.screen.follow import TROUBLE_SECONDS, Follower
from journal.cli.screen.full_screen import Terminal
from journal.cli.screen.health import size
from journal.cli.screen.tables import age, ago, session_lines
from journal.errors import JournalError
from journal.printable import one_line
from sync.query import listing
from sync.store import connection

if TYPE_CHECKING:
    from sync.query.filters import Wanted
    from sync.query.listing import Session

TICK_SECONDS = 0.2
AGES_SECONDS = 1.0  # at least between two drawings for which nothing but time has passed
SINCE_SECONDS = 30.0  # with `--since` or `--until`, sessions come and go by time alone
READ_SHARE = 8  # reading the list takes no more than one part in so many of a core
_EDGES = 2  # the first line and the last one
_STYLES = {"awaiting": "bold yellow", "working": "green"}


def show_live(app: App, wanted: "Callable[[], Wanted]", limit: int | None) -> None:
    """Show the list until the person leaves. `limit`: of sessions, 0 or None for what fits.

    JournalError: nothing is recorded yet, or the database cannot be opened.
    """
    follower = Follower(app)
    with app.reading():
        pass  # what is wrong from the beginning is said before the screen is taken
    shown = _Shown(app, follower, wanted, limit or None)
    try:
        with Terminal() as terminal:
            shown.renew(terminal)
            while terminal.wait(TICK_SECONDS):
                shown.renew(terminal)
    except KeyboardInterrupt:
        pass  # the way out
    finally:
        follower.close()


class _Shown:
    """What is on the screen, and when it has to be looked at again."""

    def __init__(
        self, app: App, follower: Follower, wanted: "Callable[[], Wanted]", limit: int | None
    ) -> None:
        self._app = app
        self._follower = follower
        self._wanted = wanted
        self._limit = limit
        self._sessions: Sequence[Session] = ()
        self._states: dict[str, int] = {}
        self._last_us: int | None = None
        self._problem: JournalError | None = None
        self._stale = True  # the sessions were read before the last change
        self._look_at = self._read_at = self._drawn_at = 0.0
        self._stale_at = float("inf")
        self._drawn: object = None
        self._size = (0, 0)

    def renew(self, terminal: Terminal) -> None:
        """Look, and draw if anything is to be seen of it."""
        now = time.monotonic()
        resized = terminal.size != self._size
        self._size = terminal.size
        self._stale |= resized or now >= self._stale_at  # resized: there may be room for more
        read = now >= self._look_at and self._look(now)
        if not (read or resized or now - self._drawn_at >= AGES_SECONDS):
            return
        texts = self._texts()
        if read or resized or texts != self._drawn:
            terminal.draw(self._lines())
            self._drawn, self._drawn_at = texts, now

    def _look(self, now: float) -> bool:
        """Whether anything was read. What cannot be read is shown, and tried again."""
        try:
            self._stale |= self._follower.changed()
            self._follower.count_unsynced()
            if not self._stale or now < self._read_at:
                return False
            self._read()
        except JournalError as error:
            return self._trouble(error, now)
        except apsw.Error as error:
            return self._trouble(connection.explain(error, self._app.layout.database), now)
        self._problem = None
        return True

    def _trouble(self, problem: JournalError, now: float) -> bool:
        self._problem, self._stale = problem, True
        self._look_at = now + TROUBLE_SECONDS
        return True

    def _read(self) -> None:
        began = time.monotonic()
        db, wanted = self._follower.database(), self._wanted()
        rows = self._size[1]
        keys = listing.page(db, wanted, min(self._limit or rows, rows))
        self._sessions = list(listing.read(db, keys, self._app.settings.sessions.adopt_on))
        self._states = listing.states(db, wanted)
        self._last_us = listing.last_us(db)
        now = time.monotonic()
        self._stale = False
        by_time = wanted.since_us is not None or wanted.until_us is not None
        self._stale_at = now + SINCE_SECONDS if by_time else float("inf")
        self._read_at = now + READ_SHARE * (now - began)

    def _texts(self) -> tuple[str, ...]:
        """All that time changes, and the last line."""
        now_us = self._app.now_us
        ages = [age(now_us - session.last_us) for session in self._sessions]
        waits = [age(now_us - one.waiting_us) for one in self._sessions if one.waiting_us]
        return (*ages, *waits, self._footer().plain)

    def _lines(self) -> list[Text]:
        columns, rows = self._size
        body = self._body(columns, rows - _EDGES)
        blank = [Text()] * (rows - _EDGES - len(body))
        return [self._heading(), *body, *blank, self._footer()][-rows:]

    def _heading(self) -> Text:
        counts = Text(" \u00b7 ").join(
            Text(f"{number:,} {state}", style=_STYLES.get(state, "") if number else "dim")
            for state, number in self._states.items()
        )
        return Text.assemble(("live", "bold green"), "  ", counts)

    def _body(self, columns: int, rows: int) -> list[Text]:
        if not self._sessions:
            return [Text("No session matches.", style="dim")][: max(rows, 0)]
        groups = session_lines(self._sessions, self._app.now_us, columns)
        total = sum(self._states.values())
        shown = _fitting(groups, rows)
        if shown < total:
            shown = _fitting(groups, rows - 1)
        lines = [line for group in groups[: shown + 1] for line in group]
        if shown < total:
            lines.append(Text(f"\u2026 and {total - shown:,} more", style="dim"))
        return lines[: max(rows, 0)]

    def _footer(self) -> Text:
        problem = self._problem or self._follower.problem
        parts = [Text(_said(problem), style="bold red")] if problem else []
        last = ago(self._app.now_us - self._last_us) if self._last_us else "never"
        behind = self._follower.unsynced_bytes
        unsynced = f"{size(behind)} not synced" if behind else "up to date"
        parts += [Text(part, style="dim") for part in (f"last record {last}", unsynced, "q leaves")]
        return Text(" \u00b7 ", style="dim").join(parts)


def _said(problem: JournalError) -> str:
    hint = f" ({problem.hint})" if problem.hint else ""
    return one_line(f"{problem}{hint}")


def _fitting(groups: Sequence[Sequence[Text]], rows: int) -> int:
    """How many sessions have room below the heading, the first of the groups."""
    used = len(groups[0])
    for number, group in enumerate(groups[1:]):
        used += len(group)
        if used > rows:
            return number
    return len(groups) - 1
