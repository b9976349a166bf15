"""Which sessions and tool calls an agent may see.

Never the session that asks, nor what the settings exclude today, whenever it was recorded.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from hooks.emit import VARIABLES
from journal.redaction.exclusions import Exclusions
from sync.query.filters import Wanted
from sync.store import states
from sync.views.inferred_ends import is_alive

SERVER = "agent-journal"  # as agents name the tools of it: mcp__agent-journal__search
_SPELLINGS = (SERVER, "agent_journal")
_MOST_ANCESTORS = 16
_BY_ID = "select session from session_states where agent = ? and id = ?"
_OPEN = """
select session, host, last_us, state from session_states where status <> 'finished'
"""


class Scope(NamedTuple):
    """The sessions that may be shown, and the tools whose calls may not."""

    wanted: Wanted
    exclusions: Exclusions

    def shows(self, tool: str | None) -> bool:
        """Whether calls of this tool may be shown."""
        return not tool or not self.exclusions.cover_tool(tool)


def make(
    db: apsw.Connection, wanted: Wanted, exclusions: Exclusions, environ: Mapping[str, str]
) -> Scope:
    """The sessions of `wanted` that the agent in whose environment this runs may see."""
    hidden = {*asking(db, environ), *_excluded(db, exclusions)}
    return Scope(wanted._replace(hidden=tuple(sorted(hidden))), exclusions)


def asking(db: apsw.Connection, environ: Mapping[str, str]) -> set[int]:
    """The sessions (rows) that may be the one that asks.

    The agent's own variable names it; else it is an open session whose agent started this process,
    or in which a tool of this server is running.
    """
    found: set[int] = set()
    for agent, (variable, *_) in VARIABLES.items():
        if (name := environ.get(variable, "")) != "":
            found |= {int(row) for (row,) in db.execute(_BY_ID, (agent, name))}
    parents, host = _ancestors(), os.uname().nodename
    rows: list[Any] = db.execute(_OPEN).fetchall()
    for session, on, last_us, data in rows:
        state = states.fields(data)
        pid, tools = int(state.get("pid") or 0), str(state.get("open_tools"))
        is_parent = on == host and pid in parents
        if (is_parent and is_alive(pid, last_us)) or any(s in tools for s in _SPELLINGS):
            found.add(session)
    return found


def _excluded(db: apsw.Connection, exclusions: Exclusions) -> Iterable[int]:
    """Sessions of folders that are excluded by now, but were recorded before."""
    if not exclusions:
        return []
    rows: list[Any] = db.execute("select session, cwd from session_states").fetchall()
    return [session for session, cwd in rows if exclusions.cover_folder(cwd)]


def _ancestors() -> set[int]:
    """The processes above this one, as far as the system says."""
    pid, found = os.getppid(), set[int]()
    while pid > 1 and len(found) < _MOST_ANCESTORS:
        found.add(pid)
        try:
            stat = Path(f"/proc/{pid}/stat").read_bytes()
            pid = int(stat.rpartition(b")")[2].split()[1])  # field 4, proc(5)
        except (OSError, ValueError, IndexError):
            break
    return found
