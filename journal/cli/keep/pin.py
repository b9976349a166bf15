"""`journal pin` and `journal unpin`: sessions that are never closed or deleted automatically."""

import time
from contextlib import closing, suppress

import click

from journal.cli.app import App, pass_app
from journal.cli.completing import session_names
from journal.cli.screen.output import say
from journal.errors import BusyError


@click.command()
@click.argument("session", shell_complete=session_names)
@pass_app
def pin(app: App, session: str) -> None:
    """Keep a session: it is never closed or deleted automatically.

    SESSION is an id, a unique prefix of one, or AGENT/ID.
    """
    _record(app, session, "Pin", "is pinned: it will never be closed or deleted automatically")


@click.command()
@click.argument("session", shell_complete=session_names)
@pass_app
def unpin(app: App, session: str) -> None:
    """Unpin a session.

    SESSION is an id, a unique prefix of one, or AGENT/ID.
    """
    _record(app, session, "Unpin", "is no longer pinned")


def _record(app: App, name: str, event: str, said: str) -> None:
    """An ordinary record of the journal: it survives a lost database."""
    from journal.record import own_facts
    from sync.query import listing
    from sync.store import facts
    from sync.views import pins_and_ends

    with app.reading() as db:
        key = listing.find(db, name)
        who = facts.identity(db, key)
        ((short_id, pinned),) = [(one.short_id, one.pinned) for one in listing.read(db, [key], ())]
        payload = own_facts.replaces(pins_and_ends.pin_record(db, *who))
    if pinned != (event == "Pin"):
        durable = app.settings.capture.durable
        own_facts.append(app.layout, event, who, payload, time.time_ns(), durable=durable)
        with suppress(BusyError):  # the process that holds the lock, or the next pass, reads it
            app.sync(wait_seconds=1.0, seconds=1.0)
        if _is_pinned(app, who) != (event == "Pin"):
            say(f"Recorded for session {short_id}: the next sync applies it.")
            return
    say(f"Session {short_id} {said}.")


def _is_pinned(app: App, who: tuple[str, str]) -> bool:
    """What the database says now."""
    from sync.store import connection

    with closing(connection.open_store(app.layout)) as db:
        query = "select pinned from pins where agent = ? and session = ?"
        return bool(db.execute(query, who).get)
