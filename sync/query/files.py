"""Which sessions read or changed a file; which files were worked on last."""

from typing import Any, NamedTuple

import apsw

from sync.query.filters import Calls, Wanted

_SESSIONS = """
select o.session, o.tool, count(*) from items o join session_states s using (session)
where {} and {} and not o.inherited group by 1, 2
"""
_LATEST = """
select o.file, count(*), count(distinct o.session), max(o.key) from (
  select key, session, file from items where file is not null order by key desc limit ?
) o join session_states s using (session) where {} group by 1 order by 4 desc limit ?
"""
# Tools that change a file, of all agents; those that read it have other names.
EDIT_TOOLS = (
    "Edit", "Write", "MultiEdit", "NotebookEdit", "apply_patch", "edit", "write", "patch",
    "create", "str_replace", "str_replace_editor", "replace", "write_file", "edit_file",
)  # fmt: skip
_AMONG = 5_000  # of the newest calls that named a file


class Worked(NamedTuple):
    """A session (row), and how often it used which tools on a file."""

    session: int
    tools: dict[str, int]

    @property
    def edits(self) -> int:
        """How many of the calls changed it."""
        return sum(number for tool, number in self.tools.items() if tool in EDIT_TOOLS)

    @property
    def reads(self) -> int:
        """How many of the calls did not."""
        return sum(self.tools.values()) - self.edits


class Latest(NamedTuple):
    """A file, how many calls named it lately, and in how many sessions."""

    path: str
    calls: int
    sessions: int


def sessions_of(db: apsw.Connection, wanted: Wanted, calls: Calls) -> dict[int, Worked]:
    """The sessions in which one of these calls was made, by row."""
    condition, values = wanted.sql()
    about, more = calls.sql()
    found: dict[int, Worked] = {}
    rows: Any = db.execute(_SESSIONS.format(condition, about), (*values, *more))
    for session, tool, number in rows:
        found.setdefault(session, Worked(session, {})).tools[tool] = number
    return found


def latest(db: apsw.Connection, wanted: Wanted, limit: int) -> list[Latest]:
    """The files that tools worked on last."""
    condition, values = wanted.sql()
    rows: Any = db.execute(_LATEST.format(condition), (_AMONG, *values, limit))
    return [Latest(path, calls, sessions) for path, calls, sessions, _ in rows]
