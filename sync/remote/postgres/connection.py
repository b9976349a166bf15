"""One session with the server, in which every piece of work is bounded in time.

libpq bounds neither the look-up of a name nor a server that sends a byte a second. So the work runs
in a thread, and the caller waits for it with a clock. The server gets the same limit
(`statement_timeout`). When the caller gives up, the server is asked to cancel; then the socket is
closed.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from sync.remote.contract import RemoteError, Then
from sync.remote.postgres import errors
from sync.remote.postgres.address import Address

OLDEST = 150_000  # PostgreSQL 15: as libpq writes version numbers
_CANCEL_SECONDS = 1.0
_ROOM_SECONDS = 0.2  # the server gives up so much earlier, and can still say so
Result = TypeVar("Result")
Work = Callable[["psycopg.Connection[Any]"], Result]


class Connection:
    """Connects at the first `run`, and again after an error. For one thread.

    `check` looks at each new connection: its errors are those of the work.
    """

    def __init__(
        self, address: Address, password: str | None, connect_seconds: float,
        check: Callable[["psycopg.Connection[Any]"], None] = lambda _: None,
        read_only: bool = False,
    ) -> None:  # fmt: skip
        self.address = address
        self._password = password
        self._connect_seconds = connect_seconds
        self._check = check
        self._read_only = read_only
        self._open: psycopg.Connection[Any] | None = None

    def __repr__(self) -> str:
        return f"Connection({self.address.place})"

    def run(self, work: Work[Result], seconds: float) -> Result:
        """Do the work in one transaction, committed when this returns.

        RemoteError: all that the server, the network and the clock do to it.
        """
        job = _Job(self, work, seconds)
        threading.Thread(target=job.run, name="postgres", daemon=True).start()
        connect_seconds = min(self._connect_seconds, seconds)
        try:
            if job.connected.wait(connect_seconds):
                job.done.wait(max(0.0, job.until - time.monotonic()))
        finally:
            job.leave()
        if not job.done.is_set():
            self._open = None  # the thread closes it
            raise self._late(job, connect_seconds, seconds)
        if isinstance(job.result, BaseException):
            raise job.result
        return job.result  # type: ignore[no-any-return]

    def close(self) -> None:
        """Give up the connection."""
        if self._open is not None:
            with contextlib.suppress(psycopg.Error):
                self._open.close()
            self._open = None

    def _late(self, job: "_Job", connect_seconds: float, seconds: float) -> RemoteError:
        host = self.address.host
        if not job.connected.is_set():
            text = f"no connection to {host} within {connect_seconds:.3g} s"
            return errors.made("timeout", text, Then.RETRY)
        text = f"{host} did not answer within {seconds:.3g} s"
        return errors.made("timeout", text, Then.RETRY, ambiguous=True)

    def connected(self) -> "psycopg.Connection[Any]":
        """The open connection, or a new one that has been checked. RemoteError."""
        if self._open is not None and not self._open.closed:
            return self._open
        parameters = self.address.connect_parameters(self._connect_seconds, self._password)
        try:
            made = psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            raise errors.connect_error(error, self.address.host) from error
        except (UnicodeError, ValueError) as error:
            raise RemoteError("settings", "[remote] url cannot be used", Then.PAUSE) from error
        try:
            if made.info.server_version < OLDEST:
                major = made.info.server_version // 10_000
                text = f"PostgreSQL {major} is too old (the team archive needs 15 or newer)"
                raise RemoteError("schema", text, Then.PAUSE)
            self._check(made)
        except psycopg.Error as error:
            made.close()
            raise errors.server_error(error, self.address.host) from error
        except BaseException:
            made.close()
            raise
        if self._read_only:  # else as the server has it: it may refuse all changes
            made.read_only = True
        self._open = made
        return made


class _Job:
    """One piece of work in its thread."""

    def __init__(self, owner: Connection, work: Work[Any], seconds: float) -> None:
        self.until = time.monotonic() + seconds
        self.connected, self.done = threading.Event(), threading.Event()
        self.result: Any = None
        self._owner = owner
        self._work = work
        self._guard = threading.Lock()
        self._over = False
        self._connection: psycopg.Connection[Any] | None = None

    def run(self) -> None:
        """In the thread: the work, its result or its error."""
        try:
            result = self._result()
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            result = error
        with self._guard:
            if not self._over:
                self.result = result
                self.done.set()
                self.connected.set()
        if self._over and self._connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                self._connection.close()

    def _result(self) -> Any:
        connection = self._owner.connected()
        with self._guard:
            self._connection = connection
            if self._over:
                return None
            self.connected.set()
        try:
            with connection.transaction():
                limit(connection, self.until - time.monotonic() - _ROOM_SECONDS)
                return self._work(connection)
        except psycopg.Error as error:
            if connection.closed or connection.broken:
                self._owner.close()
            raise errors.server_error(error, self._owner.address.host) from error
        except RemoteError:
            raise
        except BaseException:
            self._owner.close()
            raise

    def leave(self) -> None:
        """In the thread that waited: the wait is over."""
        with self._guard:
            if self.done.is_set():
                return
            self._over = True
            connection = self._connection
        if connection is not None:
            threading.Thread(target=_abandon, args=(connection,), daemon=True).start()


def _abandon(connection: "psycopg.Connection[Any]") -> None:
    """Ask the server to cancel, then close the socket, which ends the thread that reads from it."""
    with contextlib.suppress(psycopg.Error, OSError):
        connection.cancel_safe(timeout=_CANCEL_SECONDS)
    with contextlib.suppress(psycopg.Error, OSError, ValueError):
        copy = socket.socket(fileno=connection.pgconn.socket)
        try:
            copy.shutdown(socket.SHUT_RDWR)
        finally:
            copy.detach()


def limit(connection: "psycopg.Connection[Any]", seconds: float) -> None:
    """The server gives up the transaction's statements by itself, also when we are gone."""
    ms = str(max(1, int(seconds * 1000)))
    connection.execute(
        "select set_config('statement_timeout', %s, true), set_config('lock_timeout', %s, true),"
        " set_config('idle_in_transaction_session_timeout', %s, true)",
        (ms, ms, ms),
    )


def in_schema(text: str, schema: str) -> sql.Composed:
    """The statement with the quoted name of the schema for {schema}."""
    return sql.SQL(text).format(schema=sql.Identifier(schema))
