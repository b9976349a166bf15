"""The team archive behind the contract of remotes (see sync/remote/contract.py)."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg

from journal.settings import sections
from sync.remote.contract import (
    Heading,
    Material,
    Outcome,
    Piece,
    Progress,
    RemoteError,
    Save,
    Then,
    hashes_before,
)
from sync.remote.naming import archive_name, max_bytes
from sync.remote.postgres import migrations, piece
from sync.remote.postgres.address import address
from sync.remote.postgres.connection import Connection
from sync.remote.postgres.store import ConflictError, Delivery, store
from sync.remote.postgres.tombstone import Tombstone
from sync.remote.token import optional_token

TOMBSTONES = "tombstones"


class Postgres:
    """One archive, under one role. See contract.Remote. Nothing is asked before `deliver`.

    `memory` (JSON, kept by the caller) collects under `tombstones` those of the sessions that were
    delivered, for the home to obey; `remember` has it on the disk when it returns.
    """

    batch_pieces = 200
    batch_bytes = 8 << 20
    keeps_by_id = True

    def __init__(
        self, settings: sections.Remote, archive_id: str, home_id: str,
        environ: Mapping[str, str], memory: dict[str, Any], remember: Callable[[], None],
        note_archive: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._settings = settings
        self._name = archive_name(archive_id)
        self._memory = memory
        self._remember = remember
        self._note_archive = note_archive
        self._archive_id = archive_id
        self._home_id = home_id
        self._connection = connection(settings, environ, self._check)

    def __repr__(self) -> str:
        return f"Postgres({self._connection.address.place})"

    @property
    def name(self) -> str:
        """By the id of the archive: an address may change."""
        return self._name

    @property
    def max_bytes(self) -> int:
        """`max_source_bytes`, and never more than 64 MiB."""
        return max_bytes(self._settings)

    def render(self, heading: Heading, material: Material) -> bytes:
        """See `piece.render`."""
        return piece.render(heading, material)

    def split(self, piece_: Piece) -> list[bytes]:
        """See `piece.split`."""
        return piece.split(piece_.body)

    def close(self) -> None:
        """Give up the connection."""
        self._connection.close()

    def deliver(self, piece_: Piece, progress: Progress, save: Save, seconds: float) -> Outcome:
        """Store the piece, unless the archive holds its records."""
        self.deliver_many([(piece_, progress)], seconds)
        return Outcome.STORED

    def deliver_many(self, pieces: Sequence[tuple[Piece, Progress]], seconds: float) -> None:
        """Store all of these pieces in one transaction, or none.

        RemoteError: see `errors`; `conflict` rejects, and is of one of the pieces.
        """
        limit = min(self._settings.timeout_seconds, seconds)
        if limit < min(1.0, self._settings.timeout_seconds / 2):
            text = "no time is left for the team archive in this pass"
            raise RemoteError("out_of_time", text, Then.RETRY, counts=False)
        until = time.monotonic() + limit
        parsed = [_parsed(one, progress) for one, progress in pieces]

        def work(connection: "psycopg.Connection[Any]") -> list[Tombstone]:
            return store(connection, self._settings.db_schema, self._home_id, parsed)

        try:
            found = self._connection.run(work, max(0.1, until - time.monotonic()))
        except ConflictError as error:
            raise RemoteError("conflict", str(error), Then.REJECT, counts=False) from error
        if found:
            noted = self._memory.setdefault(TOMBSTONES, [])
            noted += [list(one) for one in found if list(one) not in noted]
            self._remember()

    def _check(self, connection: "psycopg.Connection[Any]") -> None:
        found = migrations.check(connection, self._settings.db_schema)
        if found.id != self._archive_id:
            self._note_archive(found.id)
            text = "another team archive than before is at this address"
            raise RemoteError("not_found", f"{text} (it is tried again)", Then.RETRY)


def connection(
    settings: sections.Remote, environ: Mapping[str, str],
    check: Callable[["psycopg.Connection[Any]"], None], *, read_only: bool = False,
) -> Connection:  # fmt: skip
    """A connection as the settings say. RemoteError `settings` or `no_token`, both a pause."""
    place = address(settings, environ)
    password = optional_token(settings, environ)
    seconds = settings.connect_timeout_seconds
    return Connection(place, password, seconds, check, read_only)


def archive_id(settings: sections.Remote, environ: Mapping[str, str], seconds: float) -> str:
    """The id of the archive at this address. RemoteError: it cannot be asked."""
    found: list[str] = []

    def check(open_: "psycopg.Connection[Any]") -> None:
        found.append(migrations.check(open_, settings.db_schema).id)

    asked = connection(settings, environ, check)
    try:
        asked.run(lambda _: None, seconds)
    finally:
        asked.close()
    return found[0]


def _parsed(one: Piece, progress: Progress) -> Delivery:
    try:
        return Delivery(one, piece.parse(one.body), bool(hashes_before(progress)))
    except ValueError as error:
        text = f"the piece cannot be read: {error}"
        raise RemoteError("unreadable", text, Then.REJECT, counts=False) from error
