"""Finds a session that was forgotten: its traces may have come back, or are left."""

from typing import Any

import apsw

from sync.query.listing import LAST_CHAR


def find_again(db: apsw.Connection, name: str) -> tuple[str, str] | None:
    """A session that has a tombstone and no row, by its id, a unique beginning of it, or AGENT/ID.

    That of a forgetting that was killed, or whose traces have come back.
    """
    query = """
        select agent, session from tombstones where session >= ? and session < ?
        and (session = ? or not exists (
          select 1 from tombstones t where t.session = ?)) and ? in ('', agent) limit 2
    """
    agent, slash, rest = name.partition("/")
    for session, of in ((name, ""), (rest, agent)) if slash else ((name, ""),):
        values = (session, session + LAST_CHAR, session, session, of)
        found: list[Any] = db.execute(query, values).fetchall() if session else []
        if len(found) == 1:
            return tuple(found[0])
    return None
