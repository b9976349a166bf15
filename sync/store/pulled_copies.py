"""Which sessions of this home are copies of another person's, pulled from the team archive."""

import apsw

from journal.record import record
from sync.store import facts

EVENT = "Pulled"


def owners(db: apsw.Connection) -> dict[tuple[str, str], str]:
    """The owners of pulled sessions, by agent and id; one look at what the journal says itself."""
    found: dict[tuple[str, str], str] = {}
    for (line,) in db.execute("select line from own_facts where name = ?", (EVENT,)):
        own = facts.own_of(record.parse(line.rstrip()))
        agent, owner = own.payload.get("agent"), own.payload.get("owner")
        if isinstance(agent, str) and isinstance(owner, str):
            found[agent, own.session] = owner
    return found
