"""Which sessions read or changed a file, and with what."""

from typing import NamedTuple

import apsw

from sync.query import files, listing
from sync.query.files import EDIT_TOOLS, Worked
from sync.query.filters import Calls, File
from sync.query.listing import Session
from sync.recall import calls
from sync.recall.calls import COLUMNS, Call
from sync.recall.recent import Place
from sync.recall.scope import Scope

_CALLS = f"select {COLUMNS} and o.session = ? and {{}} order by o.position"


class Visit(NamedTuple):
    """A session that worked on the file; `edits`: the calls that changed it, in their order."""

    session: Session
    worked: Worked
    edits: list[Call]


def visits(
    db: apsw.Connection,
    scope: Scope,
    file: File,
    adopt_on: tuple[str, ...],
    place: Place,
    limit: int,
) -> list[Visit]:
    """The newest sessions behind a place that worked on the file."""
    found = files.sessions_of(db, scope.wanted, Calls(file=file))
    read = listing.read(db, found, adopt_on)
    behind = sorted(
        (one for one in read if (one.last_us, one.key) < place),
        key=lambda one: (-one.last_us, -one.key),
    )
    condition, values = file.sql()
    made = []
    for session in behind[:limit]:
        rows = db.execute(_CALLS.format(condition), (session.key, *values))
        edits = [call for call in calls.of_rows(rows, scope) if call.tool in EDIT_TOOLS]
        made.append(Visit(session, found[session.key], edits))
    return made
