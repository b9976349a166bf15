"""Counts over the database: how much is stored and in which state."""

import apsw


def memory_ids(db: apsw.Connection, adopt_on: tuple[str, ...]) -> dict[str, int]:
    """How many of the sessions that are shown have a memory id, and how many wait for one."""
    return {"resolved": 0, "pending": sum(states(db, adopt_on).values())}


def states(db: apsw.Connection, adopt_on: tuple[str, ...]) -> dict[str, int]:
    """How many of the sessions that are shown are in each state."""
    counts = {"working": 0, "awaiting": 0, "idle": 0, "finished": 0}
    wanted = set(adopt_on)
    for status, triggers in db.execute("select status, triggers from session_states"):
        if wanted & set(triggers.split()):
            counts[status] += 1
    return counts
