"""The sessions that were active last, page by page."""

from typing import Any

import apsw
import orjson

from sync.query import listing
from sync.query.listing import Session
from sync.recall.scope import Scope

Place = tuple[int, int]  # last activity and row of the session before
FIRST: Place = (1 << 62, 0)
_NEWEST = """
select s.session from session_states s where {} and (s.last_us, s.session) < (?, ?)
order by s.last_us desc, s.session desc limit ?
"""


def sessions(
    db: apsw.Connection, scope: Scope, adopt_on: tuple[str, ...], place: Place, limit: int
) -> list[Session]:
    """The newest sessions behind a place."""
    condition, values = scope.wanted.sql()
    rows: Any = db.execute(_NEWEST.format(condition), (*values, *place, limit))
    return list(listing.read(db, [key for (key,) in rows.fetchall()], adopt_on))


def summary(db: apsw.Connection, session: int) -> dict[str, Any]:
    """A session's summary; empty if it has none."""
    text = db.execute("select summary from summaries where session = ?", (session,)).get
    return dict(orjson.loads(text)) if text else {}
