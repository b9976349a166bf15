"""`journal watch`: passes as the hooks record, from one process, until it is stopped."""

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import click

from journal.cli import logged_pass
from journal.cli.app import App, pass_app
from journal.cli.filters import Seconds
from journal.cli.waiting import polling
from journal.errors import BusyError, JournalError
from journal.layout import Layout

if TYPE_CHECKING:
    from sync.slow_stages import Outside
    from sync.watch import End, Watcher

FOLLOW_SECONDS = 15.0  # between two walks through the agents' folders
LOCK_WAIT_SECONDS = 10.0


@click.command()
@click.option(
    "--idle-exit",
    type=Seconds(),
    metavar="MINUTES",
    help="Exit when nothing has been recorded for this long.",
)
@pass_app
def watch(app: App, idle_exit: float | None) -> None:
    """Sync continuously, until stopped.

    Without it nothing is lost; new records are only shown later. Exits with 75 if another watcher
    is running in this home.
    """
    with _alone(app.layout):
        end = _watch(app, None if idle_exit is None else idle_exit * 60)
    if end.value == "changed":  # the lock is free by now: the new one takes it like any other
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    """Be the one watcher of the home. BusyError: there is one; names its pid."""
    from hooks import autostart
    from sync.store.locks import locked

    path = layout.home / autostart.LOCK
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(path, lambda: False))
        except BusyError as error:
            pid = path.read_text().strip() or "unknown"
            message = f"another watch is running (process {pid})"
            raise BusyError(message, "to stop it: kill that process") from error
        yield


def _watch(app: App, idle_seconds: float | None) -> "End":
    from journal.cli.plumbing.background import Background
    from journal.cli.plumbing.program_version import RunningProgram
    from sync import cycle, daily_log, slow_stages  # noqa: F401  now: later their code may be another one
    from sync.watch import End, Orders, Watcher

    settings = app.settings.watch
    scan, complaints = _Scan(app.layout), _Complaints()
    program = RunningProgram(app.layout, _Complaints().report_errors)

    def run_pass(stopping: Callable[[], bool]) -> int:
        taken = _pass(app, stopping, complaints)
        scan.taken()
        background.wake()
        return taken

    def run_outside() -> "Outside":
        return app.outside(watcher.stopping, lambda: _pass(app, watcher.stopping, complaints))

    orders = Orders(
        folder=app.layout.days,
        run_pass=run_pass,
        changed=scan.changed,
        program=program.state,
        on_error=complaints.report_errors,
        settle_seconds=settings.settle_ms / 1000,
        scan_seconds=settings.scan_seconds,
        idle_seconds=idle_seconds,
        waiting=lambda: background.is_waiting,
        show_life=lambda: _show_life(app.layout),
    )
    watcher = Watcher(orders)
    background = Background(run_outside, _Complaints().report_errors, watcher.look)
    _obey_signals(watcher)
    _say(f"Watching {app.layout.home} (process {os.getpid()}).")
    try:
        end = watcher.run()
    finally:
        background.close()
    reasons = {
        End.STOPPED: "Stopped.",
        End.IDLE: "Nothing new: done.",
        End.CHANGED: f"{program.reason}: restarting.",
        End.GONE: f"{program.reason}: done.",
    }
    _say(reasons[end])
    return end


def _show_life(layout: Layout) -> None:
    """When it last looked, for sync/checkup/watcher.py."""
    from hooks import autostart

    with suppress(OSError):  # a full disk, or one that cannot be written: passes say so
        os.utime(layout.home / autostart.LOCK)


def _obey_signals(watcher: "Watcher") -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: watcher.stop())


def _pass(app: App, stopping: Callable[[], bool], complaints: "_Complaints") -> int:
    """One pass that ends early if asked to; the lines read. JournalError: it failed, in words."""
    from sync.conditions import Pass

    keep_polling = polling(LOCK_WAIT_SECONDS)
    conditions = Pass(
        app.layout,
        app.settings,
        app.now_us,
        keep_trying=lambda: not stopping() and keep_polling(),
        out_of_time=stopping,
        reading=app.clock_reading,
        follow=_is_time_to_follow(),
    )
    report = logged_pass.run(conditions, "watch")
    unreadable = (f"cannot read {problem}" for problem in report.unreadable)
    complaints.report_errors(
        *map(JournalError, (*unreadable, *report.packed.kept)), *report.problems
    )
    return report.read


_followed: list[float] = []  # when the agents' folders were walked last


def _is_time_to_follow() -> bool:
    """Whether to look for transcripts that no hook named: not with every event of a hook."""
    now = time.monotonic()
    if _followed and now - _followed[-1] < FOLLOW_SECONDS:
        return False
    _followed[:] = [now]
    return True


class _Complaints:
    """Errors on stderr, each once until something else happens, not once a scan."""

    def __init__(self) -> None:
        self._reported: list[str] = []

    def report_errors(self, *errors: JournalError) -> None:
        """`errors` are all there is to complain of at this moment."""
        texts = [f"{error}" + (f" ({error.hint})" if error.hint else "") for error in errors]
        same = [re.sub(r"[0-9]+", "", text) for text in texts]  # times and counts differ each time
        for text, one in zip(texts, same, strict=True):
            if one not in self._reported:
                _say(f"journal: {text}", err=True)
        self._reported = same


def _say(text: str, *, err: bool = False) -> None:
    with suppress(OSError):  # the reader of our output has gone; the work goes on
        click.echo(text, err=err)


class _Scan:
    """Whether the journal is still what the last good pass saw: one `stat` a file, no reading."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._found: object = None
        self._taken: object = None

    def changed(self) -> bool:
        """Look now. Also true if the database is another one, or gone."""
        self._found = hash(tuple(self._files()))
        return (self._found, self._database()) != self._taken

    def taken(self) -> None:
        """What the last look found is stored."""
        self._taken = (self._found, self._database())

    def _files(self) -> Iterator[tuple[str, int, int, int]]:
        for day in self._layout.day_names():
            for entry in self._layout.entries_of(day):
                with suppress(FileNotFoundError):  # packed or removed since it was listed
                    status = entry.stat()
                    yield entry.path, status.st_ino, status.st_size, status.st_mtime_ns
        for spool in self._layout.spools():
            with suppress(OSError):  # no spool, or another user's
                for entry in os.scandir(spool):
                    if entry.name.endswith((".jsonl", ".raw")):
                        yield entry.name, entry.inode(), 0, 0

    def _database(self) -> int:
        with suppress(OSError):
            return self._layout.database.stat().st_ino
        return 0
