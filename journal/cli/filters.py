"""The options that `sessions` and `search` share, and what they mean."""

import math
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from journal.cli.app import App
from journal.cli.completing import project_names

if TYPE_CHECKING:
    from sync.query.filters import Calls, File, Folder, Wanted

MOST = 1 << 53  # more than there is of anything, and any number that SQLite takes
STATES = ("working", "awaiting", "idle", "finished")
Command = TypeVar("Command", bound=Callable[..., Any])


class AtLeast(click.types.IntParamType):
    """A whole number from `least` to `most`. Its help is what the option's own words say."""

    def __init__(self, least: int, most: int = MOST) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number.", param, ctx)
        if number < self._least:
            self.fail(f"{number} is less than {self._least}.", param, ctx)
        if number > self._most < MOST:
            self.fail(f"{number} is more than {self._most}.", param, ctx)
        return min(number, MOST)


class Seconds(click.types.FloatParamType):
    """A time that is not negative, not endless and a number."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.fail(f"{str(value)!r} is not a number of seconds or minutes.", param, ctx)
        if number < 0:
            self.fail(f"{number:g} is less than 0.", param, ctx)
        return min(number, MOST)


def archive_options(command: Command) -> Command:
    """Add `--archive` and `--owner`: the team archive answers instead of this home."""
    for option in reversed(_ARCHIVE_OPTIONS):
        command = option(command)
    return command


def check_owner(chosen: dict[str, Any]) -> None:
    """UsageError: `--owner` without `--archive`."""
    if chosen["owner"] and not chosen["in_archive"]:
        from journal.errors import UsageError

        raise UsageError("--owner needs --archive", "this home has only your own sessions")


def session_options(command: Command) -> Command:
    """Add the filters by what a session is; `chosen_sessions` says what they mean."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_ARCHIVE_OPTIONS = (
    click.option(
        "--archive",
        "in_archive",
        is_flag=True,
        help="Read the team archive, not this home.",
    ),
    click.option("--owner", metavar="ROLE", help="With --archive: only sessions of this person."),
)
_OPTIONS = (
    click.option("--here", is_flag=True, help="Only the project of the current directory."),
    click.option(
        "--project",
        metavar="NAME",
        help="Only this project: a part of its name, or a directory.",
        shell_complete=project_names,
    ),
    click.option("--branch", metavar="NAME", help="Only sessions on this branch."),
    click.option("--agent", metavar="NAME", help="Only sessions of this agent."),
    click.option("--host", metavar="NAME", help="Only sessions on this machine."),
    click.option("--state", type=click.Choice(STATES), help="Only sessions in this state."),
    click.option(
        "--since",
        metavar="WHEN",
        help="Only since this time: 2h, 3d, today, yesterday, 2026-11-21.",
    ),
    click.option(
        "--until", metavar="WHEN", help="Only before this time (same formats as --since)."
    ),
    click.option("--all", "with_all", is_flag=True, help="Also sessions that did nothing."),
)


def chosen_sessions(app: App, chosen: dict[str, Any]) -> "Wanted":
    """The sessions that the options name, but for the times."""
    from sync.query.filters import Filters, Wanted

    project = chosen["project"] or ""
    folders = [folder(app, os.curdir)] if chosen["here"] else []
    if project and _is_path(project):
        folders.append(folder(app, str(Path(project).expanduser())))
        project = ""
    filters = Filters(
        adopt_on=None if chosen["with_all"] else app.adopt_on,
        project=project,
        branch=chosen["branch"] or "",
        state=chosen["state"] or "",
        agent=chosen["agent"] or "",
        host=chosen["host"] or "",
    )
    return Wanted(filters, tuple(folders))


def chosen_times(chosen: dict[str, Any], now_us: int) -> tuple[int | None, int | None]:
    """What `--since` and `--until` mean at this moment. UsageError: one of them is not a time."""
    from sync.query.filters import moment_us

    since, until = (chosen[name] for name in ("since", "until"))
    return (
        None if since is None else moment_us(since, now_us),
        None if until is None else moment_us(until, now_us),
    )


def chosen_calls(app: App, chosen: dict[str, Any]) -> "Calls | None":
    """The tool calls that `--tool` and `--file` name; None: both were left out."""
    from sync.query.filters import Calls

    tool, path = chosen["tool"], chosen["file"]
    if tool is None and path is None:
        return None
    return Calls(tool or "", None if path is None else file(path, scope(app)))


def folder(app: App, directory: str) -> "Folder":
    """The project of a directory of this machine; it need not exist any more."""
    from hooks.project import locate
    from sync.query.filters import Folder

    place = locate(str(Path(directory).absolute()), scope(app))
    return Folder(place.key, scope(app), place.top, place.own)


def scope(app: App) -> str:
    """What the paths of this home are paths of, see hooks/project.py.

    A home that hooks of an older version have made is given its id now, as the pass that follows
    would do: what that syncs is of this id.
    """
    from journal import home_id
    from journal.errors import JournalError

    if app.layout.days.is_dir():
        with suppress(JournalError):  # a home that cannot be written; the pass says so
            return home_id.ensure(app.layout)
    return app.layout.id or os.uname().nodename


def file(path: str, paths_of: str = "") -> "File":
    """A file as people name it: a path, or the last parts of one.

    One that is there, seen from the current directory, is that file, and the same file in other
    working trees of its project. `paths_of`: see `scope`. UsageError: it is empty.
    """
    from hooks.project import locate
    from journal.errors import UsageError
    from sync.query.filters import File

    if not path.strip():
        raise UsageError("--file is empty", "give a path, or the last parts of one: money.py")
    given = Path(path).expanduser()
    if not path.startswith(("/", "~", "./", "../")) and not given.exists():
        return File(tail=os.path.normpath(path))
    real, typed = given.resolve(), os.path.normpath(Path.cwd() / given)
    place = locate(str(real.parent), paths_of or os.uname().nodename)
    inside = real.is_relative_to(place.top) and not place.key.startswith("path:")
    tail = str(real.relative_to(place.top)) if inside else ""
    return File((typed, str(real)), tail, place.key if tail else "")


def _is_path(project: str) -> bool:
    return project[:1] in ("/", "~", ".") or ("/" in project and Path(project).is_dir())
