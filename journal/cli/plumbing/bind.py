"""`journal bind`: a session's memory id, recorded."""

import re
from typing import TYPE_CHECKING

import click

from journal.cli.app import CATCH_UP_SECONDS, App, pass_app
from journal.cli.completing import session_names
from journal.cli.screen.output import say
from journal.errors import BusyError, JournalError, UsageError

if TYPE_CHECKING:
    import apsw

DEFAULT_AGENT = "claude-code"
_WHOLE_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@click.command()
@click.argument("session", shell_complete=session_names)
@click.argument("memory_id")
@pass_app
def bind(app: App, session: str, memory_id: str) -> None:
    """Record the memory id of a session.

    SESSION is an id, a unique beginning of one, or AGENT/ID; a session that has not begun yet
    must be named whole. The earliest bind of a session stands, and an id belongs to one session
    only: a bind that cannot stand is kept in dead/ with the reason, exit code 1.

    \b
    Examples:
      journal bind 7f3a91 mem-0192
      journal bind codex/0199b2c4 mem-0193
    """
    import time

    from journal.record import own_facts

    who = _who(app, session)
    app.layout.home.parent.mkdir(parents=True, exist_ok=True)
    durable = app.settings.capture.durable
    payload = {"memory_id": memory_id}
    made = own_facts.append(app.layout, "MemoryId", who, payload, time.time_ns(), durable=durable)
    known, refused = _verdict(app, made.id)
    if refused:
        hint = "kept in dead/binds.jsonl, nothing else is changed"
        raise JournalError(f"the bind is refused: {refused}", hint)
    if known:
        say(f"The memory id of {'/'.join(who)} is {memory_id}.")
    else:
        say(f"Recorded for {'/'.join(who)}: the next sync takes it in.")


def _who(app: App, name: str) -> tuple[str, str]:
    """The session that is meant: one that is known, else one that is named whole."""
    from sync.query import listing
    from sync.store import facts

    if not name:
        raise UsageError("SESSION is empty", "give an id, the beginning of one, or AGENT/ID")
    try:
        with app.reading() as db:
            return facts.identity(db, listing.find(db, name))
    except JournalError:
        agent, slash, session = name.partition("/")
        if slash and agent and session:
            return agent, session
        if _WHOLE_ID.fullmatch(name):
            return DEFAULT_AGENT, name
        raise


def _verdict(app: App, record: bytes) -> tuple[bool, str | None]:
    """Whether a bounded pass has taken the bind in, and why it is refused (None: it stands).

    JournalError: nothing could be taken in; the record stays and waits.
    """
    from sync.store import connection

    try:
        app.sync(wait_seconds=1.0, seconds=CATCH_UP_SECONDS)
    except BusyError:
        return False, None  # whoever holds the lock, or the next pass, takes it in
    except JournalError as error:
        raise JournalError(f"recorded, but not taken in: {error}", error.hint) from error
    db: apsw.Connection = connection.open_store(app.layout)
    try:
        row = db.execute("select refused from binds where record = ?", (record,)).fetchone()
    finally:
        db.close()
    return (False, None) if row is None else (True, None if row[0] is None else str(row[0]))
