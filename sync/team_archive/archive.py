"""One connection to the team archive, as commands use it: short questions, errors in one line."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import psycopg

from journal.errors import JournalError, UsageError
from journal.layout import Layout
from journal.settings import sections
from sync.remote import archive_ids
from sync.remote.contract import RemoteError
from sync.remote.postgres import migrations
from sync.remote.postgres.connection import in_schema
from sync.remote.postgres.remote import connection

READ_SECONDS = 5.0  # one question; with the connection below the 8 s that a person waits
Result = TypeVar("Result")
Open = psycopg.Connection[Any]


class Archive:
    """The archive of the settings. UsageError: none is set. Nothing is asked before `run`."""

    def __init__(
        self, layout: Layout, settings: sections.Remote, environ: Mapping[str, str],
        *, read_only: bool = True,
    ) -> None:  # fmt: skip
        if settings.kind != "postgres":
            hint = 'set [remote] kind = "postgres" and url in config.toml; see docs/archive.md'
            raise UsageError("no team archive is configured", hint)
        self._layout = layout
        self._settings = settings
        self.schema = settings.db_schema
        self.id = ""  # known after the first question
        try:
            self._connection = connection(settings, environ, self._check, read_only=read_only)
        except RemoteError as error:
            raise UsageError(*apart(str(error))) from error

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def run(self, work: Callable[[Open], Result], seconds: float = READ_SECONDS) -> Result:
        """Do the work in one transaction. JournalError: what the server or network does to it."""
        try:
            return self._connection.run(work, seconds)
        except RemoteError as error:
            raise JournalError(*apart(f"the team archive: {error}")) from error

    def rows(self, text: str, values: Iterable[Any] | Mapping[str, Any] = ()) -> list[Any]:
        """The rows of one query, in which {schema} is the schema's name. JournalError."""
        query, given = in_schema(text, self.schema), values or None
        return self.run(lambda open_: open_.execute(query, given).fetchall())  # type: ignore[arg-type]

    def role(self) -> str:
        """Who asks. JournalError."""
        return str(self.rows("select session_user::text")[0][0])

    def _check(self, open_: Open) -> None:
        found = migrations.check(open_, self.schema)
        self.id = found.id
        if archive_ids.known(self._layout, self._settings) != found.id:
            archive_ids.note(self._layout, self._settings, found.id)


def apart(text: str) -> tuple[str, str]:
    """A line and its hint, of a text like `line (hint)`."""
    line, bracket, hint = text.removesuffix(")").rpartition(" (")
    return (line, hint) if bracket and text.endswith(")") else (text, "")
