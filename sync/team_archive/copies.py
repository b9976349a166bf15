"""Sessions of others that were pulled: which of this home's sessions they are, and whose.

A record of the journal's own, `Pulled` ({"agent","owner","archive"}), says so of a session, so that
it is known again after the database was lost and no remote is sent another person's session as
mine.
"""

from contextlib import closing

import apsw

from journal.layout import Layout
from sync.store import connection
from sync.store.own_fact_rows import owners_of_copies


def owner_of(db: apsw.Connection, agent: str, session: str) -> str | None:
    """Whose session this is, if it was pulled from another person."""
    return owners_of_copies(db).get((agent, session))


def hidden(layout: Layout, visible: set[tuple[str, ...]]) -> list[tuple[str, str]]:
    """The pulled sessions (agent and id) that their owners do not show any more."""
    with closing(connection.open_store(layout)) as db:
        found = owners_of_copies(db)
    return [who for who, owner in found.items() if (owner, *who) not in visible]
