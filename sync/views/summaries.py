"""The view of summaries: the deterministic one, as the session's state stands."""

import apsw

from journal.summary import summarise
from sync.views.change import Change


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Write the sessions' summaries; a session with nothing to say has none."""
    made = [(change.session, summarise(change.state)) for change in changes]
    rows = [(session, summary.model_dump_json()) for session, summary in made if summary]
    db.executemany("insert or replace into summaries values (?, ?)", rows)
    without = [(session,) for session, summary in made if summary is None]
    db.executemany("delete from summaries where session = ?", without)
