"""What a shell offers for a session or a project. After any error it offers nothing."""

from collections.abc import Callable
from contextlib import suppress

import click

from journal.cli.app import App
from journal.errors import JournalError

_MOST = 50
Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def session_names(ctx: click.Context, _: click.Parameter, typed: str) -> list[str]:
    """Ids that begin so, the newest first."""
    from sync.query import completions

    return _offered(ctx, lambda db: completions.sessions(db, typed, _MOST))


def project_names(ctx: click.Context, _: click.Parameter, typed: str) -> list[str]:
    """Names of projects that begin so, the newest first."""
    from sync.query import completions

    return _offered(ctx, lambda db: completions.projects(db, typed, _MOST))


def _offered(ctx: click.Context, ask: "Callable[..., list[str]]") -> list[str]:
    import apsw

    from sync.store import connection

    app = ctx.find_object(App) or App()
    with suppress(JournalError, apsw.Error, OSError):
        db = connection.open_to_look(app.layout)
        try:
            return ask(db)
        finally:
            db.close()
    return []
