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
@click.option("--replace", is_flag=True, help="Replace the id that the session has.")
@pass_app
def bind(app: App, session: str, memory_id: str, replace: bool) -> None:
    """Record the memory id of a session.

    SESSION is an id, a unique prefix of one, or AGENT/ID. Use the full id of a
    session that has not started yet. The first id that a session gets counts, and an id belongs to
    one session: any other bind is refused with exit code 1. An invalid id is not recorded.

    --replace corrects a wrong id. The record names the id that it replaces; a remote gets the
    correction with the next piece of the session.

    \b
    Examples:
      journal bind 7f3a91 mem-0192
      journal bind codex/0199b2c4 mem-0193
      journal bind --replace 7f3a91 mem-0200
    """
    import time

    from journal.record import own_facts

    who = _who(app, session)
    _check(who, memory_id)
    name = "/".join(who)
    payload = {"memory_id": memory_id}
    if replace:
        before = _bound(app, who)
        if before == memory_id:
            say(f"The memory id of {name} is {memory_id} already.")
            return
        if before is not None:
            payload["replaces"] = before
    app.layout.home.parent.mkdir(parents=True, exist_ok=True)
    durable = app.settings.capture.durable
    made = own_facts.append(app.layout, "MemoryId", who, payload, time.time_ns(), durable=durable)
    known, refused = _outcome(app, made.id)
    if refused:
        hint = "to replace the earlier id: journal bind --replace"
        if replace or "belongs to" in refused:
            hint = "give the other session its own id first: journal bind --replace"
        raise JournalError(f"the bind is refused: {refused}", hint)
    if not known:
        say(f"Recorded for {name}. The next sync stores it.")
    elif "replaces" in payload:
        say(f"The memory id of {name} is {memory_id}. It replaces {payload['replaces']}.")
    else:
        say(f"The memory id of {name} is {memory_id}.")


def _check(who: tuple[str, str], memory_id: str) -> None:
    """UsageError: the id can never be the memory id of this session."""
    from journal.record import memory_id_order

    if reason := memory_id_order.fault(memory_id_order.Bind(0, b"", *who, memory_id)):
        raise UsageError(f"nothing is recorded: {reason}", "use the id of the memory agent")


def _bound(app: App, who: tuple[str, str]) -> str | None:
    """The id that was bound to the session; None: none was, at most one was made for it."""
    query = "select memory_id from memory_ids where agent = ? and session = ? and minted is null"
    try:
        with app.reading() as db:
            found = db.execute(query, who).get
    except JournalError:
        return None
    return None if found is None else str(found)


def _who(app: App, name: str) -> tuple[str, str]:
    """The session that is meant: one that is known, else one that is named whole."""
    from sync.query import listing
    from sync.store import facts

    if not name:
        raise UsageError("SESSION is empty", "give an id, a prefix of one, or AGENT/ID")
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


def _outcome(app: App, record: bytes) -> tuple[bool, str | None]:
    """Whether a bounded pass has stored the bind, and why it is refused (None: it is not).

    JournalError: nothing could be stored; the record stays and waits.
    """
    from sync.store import connection

    try:
        app.sync(wait_seconds=1.0, seconds=CATCH_UP_SECONDS)
    except BusyError:
        return False, None  # the other process, or the next pass, stores it
    except JournalError as error:
        raise JournalError(f"recorded, but not stored: {error}", error.hint) from error
    db: apsw.Connection = connection.open_store(app.layout)
    try:
        row = db.execute("select refused from binds where record = ?", (record,)).fetchone()
    finally:
        db.close()
    return (False, None) if row is None else (True, None if row[0] is None else str(row[0]))
