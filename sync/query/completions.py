"""What people may mean by the beginning of a name."""

import apsw

from journal.printable import one_line
from sync.query.listing import LAST_CHAR
from sync.store import short_ids

_SESSIONS = """
select id from session_states where triggers <> '' and id >= ? and id < ?
order by last_us desc limit ?
"""
_PROJECTS = """
select project_name from session_states
where triggers <> '' and project_name >= ? and project_name < ?
group by 1 order by max(last_us) desc limit ?
"""


def sessions(db: apsw.Connection, typed: str, limit: int) -> list[str]:
    """Ids of sessions that begin so, as short as they may be typed."""
    rows = db.execute(_SESSIONS, (typed, typed + LAST_CHAR, limit)).fetchall()
    names = [str(name) for (name,) in rows]
    shorts = (short_ids.of_session(db, name) for name in names)
    pairs = zip(shorts, names, strict=True)
    found = (short if short.startswith(typed) else name for short, name in pairs)
    return [name for name in found if name == one_line(name)]


def projects(db: apsw.Connection, typed: str, limit: int) -> list[str]:
    """Names of projects that begin so."""
    rows = db.execute(_PROJECTS, (typed, typed + LAST_CHAR, limit)).fetchall()
    return [str(name) for (name,) in rows if name and name == one_line(str(name))]
