"""How far this home has pulled: `<home>/pulled.json`. A lost or damaged file costs reading again.

A cursor is a transaction number of the server: everything below it was seen. It counts for one
server and one line of its history; after a restore everything is read again, and nothing imported
twice.
"""

from dataclasses import dataclass, field
from typing import Any

import orjson

from journal.durable_files import write_whole
from journal.layout import Layout


@dataclass(slots=True)
class State:
    """`cursors`: by what is pulled, `own` or an owner and project; `server`: whose numbers."""

    archive: str
    server: str = ""
    cursors: dict[str, int] = field(default_factory=dict)
    last_pull: str | None = None


def load(layout: Layout, archive: str) -> State:
    """What is known of pulls from this archive."""
    try:
        found: Any = orjson.loads(layout.pulled.read_bytes())
        if found["archive"] != archive:
            return State(archive)
        cursors = {str(name): int(cursor) for name, cursor in found["cursors"].items()}
        last = found["last_pull"]
        return State(archive, str(found["server"]), cursors, None if last is None else str(last))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return State(archive)


def save(layout: Layout, state: State) -> None:
    """Note it. JournalError: it cannot be written, and is pulled again."""
    fields = {
        "archive": state.archive,
        "server": state.server,
        "cursors": state.cursors,
        "last_pull": state.last_pull,
    }
    write_whole(layout.pulled, orjson.dumps(fields, option=orjson.OPT_INDENT_2) + b"\n")
