"""What every command shares: the home, the settings, the clock, the catch-up before reading."""

import os
import time
from collections.abc import Callable, Container, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

import click

from journal.cli import logged_pass
from journal.cli.waiting import polling, until
from journal.errors import BusyError, JournalError
from journal.layout import Layout
from journal.printable import one_line
from journal.verbose import step

if TYPE_CHECKING:
    import apsw

    from journal.settings.sources import Settings
    from sync.conditions import Conditions, Reading
    from sync.ingest.up_to_date import Note
    from sync.report import Report
    from sync.slow_stages import Outside
    from sync.team_archive.archive import Archive

CATCH_UP_SECONDS = 0.3


class App:
    """The composition root of one invocation. Reads the clock for everything below it."""

    def __init__(self) -> None:
        self.home: str | None = None

    @cached_property
    def layout(self) -> Layout:
        """The home that `--home`, the environment or the default names."""
        return Layout.at(self.home)

    @cached_property
    def settings(self) -> "Settings":
        """The configuration. UsageError: it names an unknown key or a bad value."""
        from journal.settings.sources import load_settings

        step(f"home {self.layout.home}; settings from {self.layout.config} and the environment")
        return load_settings(self.layout)

    @property
    def adopt_on(self) -> tuple[str, ...]:
        """The setting `sessions.adopt_on`, without a look at the others if they are known to be
        right.
        """
        return self._note.adopt_on if self._note else tuple(self.settings.sessions.adopt_on)

    @property
    def transcript_roots(self) -> tuple[str, ...]:
        """The setting `capture.transcript_roots`, as cheaply."""
        note = self._note
        return note.transcript_roots if note else tuple(self.settings.capture.transcript_roots)

    @cached_property
    def _note(self) -> "Note | None":
        from sync.ingest import up_to_date

        return up_to_date.noted(self.layout, os.environ)

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""
        return time.time_ns() // 1000

    @property
    def clock_reading(self) -> "Reading":
        """Both clocks of the machine, see sync/store/clock.py."""
        from sync.store import clock

        return clock.read(self.now_us)

    def sync(
        self,
        wait_seconds: float,
        seconds: float | None = None,
        progress: Callable[[int, int], None] | None = None,
        *,
        rebuild: bool = False,
        accept_loss: bool = False,
        pack_at_once: bool = False,
        screened: Container[int] = frozenset(),
        follow: bool = True,
    ) -> "Report":
        """One local pass; with `seconds`, as much of it as that allows."""
        from sync.conditions import Pass, never

        out_of_time = until(seconds) if seconds is not None else never
        keep_trying = polling(wait_seconds)
        conditions = Pass(
            self.layout,
            self.settings,
            self.now_us,
            keep_trying,
            out_of_time,
            progress,
            packs=seconds is None,
            rebuild=rebuild,
            accept_loss=accept_loss,
            reading=self.clock_reading,
            pack_at_once=pack_at_once,
            screened=screened,
            follow=follow,
        )
        kind = "rebuild" if rebuild else "sync"
        return logged_pass.run(conditions, kind if seconds is None else "catch_up")

    def outside(
        self,
        stopping: Callable[[], bool],
        run_pass: Callable[[], object],
        report_step: Callable[[str], None] = lambda _: None,
        progress: "Callable[[str, int, int], None] | None" = None,
    ) -> "Outside":
        """The stages that wait for others, with their line in the daily log."""
        from sync import daily_log, slow_stages

        started, began_us = time.monotonic(), self.now_us
        conditions = self.conditions(stopping, run_pass, report_step)
        found = slow_stages.run(conditions, progress or slow_stages.no_progress)
        entry = daily_log.Entry("outside", began_us, time.monotonic() - started, None, None, found)
        logged_pass.write_log(self.layout, entry)
        return found

    def conditions(
        self,
        stopping: Callable[[], bool],
        run_pass: Callable[[], object],
        report_step: Callable[[str], None] = lambda _: None,
    ) -> "Conditions":
        """What the stages that wait for others work with."""
        from sync.conditions import Conditions

        return Conditions(
            self.layout, self.settings, os.environ, time.time_ns, stopping, run_pass, report_step
        )

    def team_archive(self, *, read_only: bool = True) -> "Archive":
        """The team archive of the settings, a context. UsageError: none is configured."""
        from sync.team_archive.archive import Archive

        remote = self.settings.remote
        return Archive(self.layout, remote, os.environ, read_only=read_only)

    @contextmanager
    def reading(self, *, ends_matter: bool = True) -> "Iterator[apsw.Connection]":
        """The database, after a bounded look at what is new. JournalError: nothing recorded yet.

        Without `ends_matter`, sessions whose process is gone are not looked for if nothing is new.
        """
        from sync.ingest import up_to_date

        if not self.layout.days.exists() and not self.layout.database.exists():
            raise self.nothing_yet()
        db = self._current_database(ends_matter=ends_matter)
        if db is None:
            is_whole = self._catch_up()
            db = self._opened()
            if is_whole:
                with suppress(JournalError):  # without the note everything is looked at again
                    up_to_date.note(db, self.layout, os.environ, self.settings)
        try:
            yield db
        finally:
            db.close()

    def _opened(self) -> "apsw.Connection":
        """The database, also of a home that cannot be written."""
        from sync.errors import DamagedStoreError, StoreError
        from sync.store import connection

        try:
            return connection.open_store(self.layout)
        except DamagedStoreError:
            raise
        except StoreError:
            home = self.layout.home
            if os.access(home, os.W_OK) and not connection.is_full(self.layout.database):
                raise
            return connection.open_frozen(self.layout)

    def nothing_yet(self) -> JournalError:
        """That nothing is recorded, and how to begin: perhaps there is a history to import."""
        from sync.checkup.earlier_sessions import not_imported

        message = f"nothing is recorded yet in {self.layout.home}"
        if earlier := not_imported(self.layout, self.transcript_roots):
            return JournalError(f"{message}; {earlier}", "run: journal import")
        if (self.layout.hooks / "run.py").exists():
            return JournalError(message, "start your agent")
        return JournalError(message, "run: journal install, then start your agent")

    def _current_database(self, *, ends_matter: bool) -> "apsw.Connection | None":
        """The database, if a pass would find nothing new, and with `ends_matter` nothing to do."""
        import apsw

        from sync.ingest import up_to_date
        from sync.store import connection

        if self._note is None or not self.layout.database.exists():
            return None
        with suppress(JournalError, apsw.Error), ExitStack() as stack:
            db = connection.open_store(self.layout)
            stack.callback(db.close)
            if up_to_date.is_current(db, self.layout, self._note) and not (
                ends_matter and self._has_work(db)
            ):
                stack.pop_all()
                return db
        return None  # if something is wrong, a pass says what, and what can be read all the same

    def _has_work(self, db: "apsw.Connection") -> bool:
        """Whether a pass would find that a session has ended, or what a killed one has left."""
        from sync.ingest import up_to_date
        from sync.views import inferred_ends

        host, now_us = os.uname().nodename, self.now_us
        ended = inferred_ends.due(db, self.settings, host, now_us, silence=True)
        return bool(ended) or up_to_date.has_stale_contexts(db)

    def _catch_up(self) -> bool:
        """Sync what is new, within its time; whether that was everything."""
        try:
            report = self.sync(wait_seconds=0, seconds=CATCH_UP_SECONDS)
        except BusyError:
            return False  # another process is storing it at this moment
        except JournalError as error:
            if not self.layout.database.exists():
                raise
            click.echo(f"journal: new records were not synced: {error}", err=True)
            return False
        for problem in report.unreadable:
            click.echo(f"journal: cannot read {one_line(problem)}", err=True)
        return report.seen_bytes is not None and not report.unreadable


pass_app = click.make_pass_decorator(App, ensure=True)
