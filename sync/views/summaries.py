"""The view of summaries: the deterministic one, as the session's state stands."""

import apsw

from journal.summary import summarise
from sync.views.change import Change


def derive(db: apsw.Connection, change: Change, now_us: int) -> None:
    """Write the session's summary; a session with nothing to say has none."""
    summary = summarise(change.state)
    if summary is None:
        db.execute("delete from summaries where session = ?", (change.session,))
        return
    row = (change.session, summary.model_dump_json())
    db.execute("insert or replace into summaries values (?, ?)", row)
