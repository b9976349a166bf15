"""Which sessions a list or a search is about, as SQL over `session_states s`; which calls."""

import json
import re
import unicodedata
from datetime import datetime, time, timedelta
from typing import NamedTuple

from journal.errors import UsageError
from journal.printable import one_line
from journal.times import DAY_US, SECOND_US, to_datetime

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNIT_US = {
    "s": SECOND_US,
    "m": 60 * SECOND_US,
    "h": 3600 * SECOND_US,
    "d": DAY_US,
    "w": 7 * DAY_US,
}
_EPOCH = to_datetime(0)
_ADOPTED = "instr(' ' || s.triggers || ' ', ?)"


class Filters(NamedTuple):
    """What a session must be; what is None or empty does not matter.

    `adopt_on`: the settings' `sessions.adopt_on`, None for sessions not adopted, too. `project`:
    its name in any case, its key, or the key without `git:`; if no project has that, a part of a
    name or a folder on its path. `host`: in any case.
    """

    adopt_on: tuple[str, ...] | None = None
    project: str = ""
    branch: str = ""
    state: str = ""
    agent: str = ""
    host: str = ""

    def sql(self) -> tuple[str, tuple[str, ...]]:
        """A condition over `session_states s`, and its parameters."""
        parts: list[tuple[str, tuple[str, ...]]] = []
        if self.adopt_on is not None:
            any_of = " or ".join([_ADOPTED] * len(self.adopt_on)) or "false"
            parts.append((f"({any_of})", tuple(f" {trigger} " for trigger in self.adopt_on)))
        if self.project:
            parts.append(_project(self.project))
        if self.host:
            parts.append(("s.host = ? collate nocase", (self.host,)))
        equal = {"s.branch": self.branch, "s.status": self.state, "s.agent": self.agent}
        parts += [(f"{column} = ?", (value,)) for column, value in equal.items() if value]
        conditions = " and ".join(condition for condition, _ in parts) or "true"
        return conditions, tuple(value for _, values in parts for value in values)


def _project(name: str) -> tuple[str, tuple[str, ...]]:
    """The projects of this name or key; if there are none, those that have it in name or folder."""
    forms = dict.fromkeys((name, *_forms(name)))
    exact = "s.project_name = ? collate nocase or s.project in (?, 'git:' || ?)"
    others = exact.replace("s.", "o.")
    part = (
        "instr(lower(s.project_name), lower(?)) or instr('/' || s.cwd || '/', '/' || ? || '/')"
        " or instr(lower(s.project), lower(?))"
    )
    conditions, values = [], list[str]()
    for form in forms:
        others_exist = f"exists (select 1 from session_states o where {others})"
        conditions.append(f"({exact} or (not {others_exist} and ({part})))")
        values += [form] * 9
    return f"({' or '.join(conditions)})", tuple(values)


def _forms(text: str) -> tuple[str, ...]:
    """A name in both Unicode forms: agents report a path as the disk has it, or as it was typed."""
    return tuple(dict.fromkeys(unicodedata.normalize(form, text) for form in ("NFC", "NFD")))


class Folder(NamedTuple):
    """A directory's project: its key, and the top directory of this machine.

    Sessions below the top whose start no hook saw belong to it, too: they carry no git key. So do
    those that an older version recorded under its first commit.
    """

    key: str
    scope: str  # of paths, see hooks/project.py
    top: str
    own: str = ""  # the key of the place itself

    @property
    def paths(self) -> str:
        """How the keys of this home's directories begin that are in no repository."""
        return f"path:{self.scope}:"

    def sql(self) -> tuple[str, tuple[str, ...]]:
        """A condition over `session_states s`, and its parameters."""
        below = self.top.rstrip("/") + "/"
        condition = """(s.project in (?, ?) or (
            (substr(s.project, 1, length(?)) = ? or substr(s.project, 1, 5) = 'root:')
            and (s.cwd = ? or substr(s.cwd, 1, length(?)) = ?)))"""
        paths = self.paths
        return condition, (self.key, self.own, paths, paths, self.top, below, below)


class Wanted(NamedTuple):
    """Which sessions. `folders`: each must match. The last activity is not before `since_us`, and
    before `until_us`. `calls`: one of them was made. `only`: one of these (rows); `hidden`: none of
    these.
    """

    filters: Filters
    folders: tuple[Folder, ...] = ()
    since_us: int | None = None
    until_us: int | None = None
    calls: "Calls | None" = None
    only: tuple[int, ...] | None = None
    hidden: tuple[int, ...] = ()

    def sql(self) -> tuple[str, tuple[str | int, ...]]:
        """A condition over `session_states s`, and its parameters."""
        condition, values = self.filters.sql()
        # Said so that SQLite sees that the index without start-and-stop sessions will do.
        parts = ["s.triggers <> ''"] if self.filters.adopt_on is not None else []
        parts.append(condition)
        found: list[str | int] = list(values)
        for folder in self.folders:
            condition, values = folder.sql()
            parts.append(condition)
            found += values
        if self.since_us is not None:
            parts.append("s.last_us >= ?")
            found.append(self.since_us)
        if self.until_us is not None:
            parts.append("s.last_us < ?")
            found.append(self.until_us)
        if self.calls is not None:
            condition, values = self.calls.sql()
            made = f"select 1 from items o where o.session = s.session and {condition}"
            parts.append(f"exists ({made})")
            found += values
        if self.only is not None:
            parts.append("s.session in (select value from json_each(?))")
            found.append(json.dumps(self.only))
        if self.hidden:
            parts.append("s.session not in (select value from json_each(?))")
            found.append(json.dumps(self.hidden))
        return " and ".join(parts), tuple(found)


class File(NamedTuple):
    """A file that tools worked on: at one of these paths, or with these last components; or both.

    `project`: the key of the only project in which the tail counts; "" for all.
    """

    paths: tuple[str, ...] = ()
    tail: str = ""
    project: str = ""

    def sql(self) -> tuple[str, tuple[str, ...]]:
        """A condition over `items o` and `session_states s`, and its parameters."""
        values = [form for path in self.paths for form in _forms(path)]
        parts = ["o.file = ?"] * len(values)
        for tail in _forms(self.tail) if self.tail else ():
            ending = f"/{tail}"
            only = "s.project = ? and " if self.project else ""
            parts.append(f"({only}(o.file = ? or substr(o.file, -length(?)) = ?))")
            values += [self.project] * bool(only) + [tail, ending, ending]
        return f"({' or '.join(parts) or 'false'})", tuple(values)


class Calls(NamedTuple):
    """Which tool calls. `tool`: a name, or a pattern with `*`, `?` and `[`."""

    tool: str = ""
    file: File | None = None

    def sql(self) -> tuple[str, tuple[str, ...]]:
        """A condition over `items o` and `session_states s`, and its parameters."""
        condition, values = self.file.sql() if self.file else ("true", ())
        if self.tool:
            condition, values = f"o.tool glob ? and {condition}", (self.tool, *values)
        return condition, values


def moment_us(text: str, now_us: int) -> int:
    """The time that a person means by `2h`, `3d`, `today`, `yesterday`, a date or a time.

    Without an offset a date or time is local. UsageError: it is none of these.
    """
    words = text.strip().lower()
    if ago := _AGO.fullmatch(words):
        return max(0, now_us - int(ago[1]) * _UNIT_US[ago[2]])
    try:
        if words in ("today", "yesterday"):
            day = to_datetime(now_us).astimezone().date() - timedelta(days=words == "yesterday")
            moment = datetime.combine(day, time())
        else:
            moment = datetime.fromisoformat(words.upper())
        return (moment.astimezone() - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError) as error:
        hint = "try 2h, 3d, 2w, today, yesterday, 2026-11-21 or 2026-11-21T09:00"
        raise UsageError(f"cannot read {one_line(text)[:40]!r} as a time", hint) from error
