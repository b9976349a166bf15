"""Where a team archive is, as the configuration says it.

It holds no password, and asks for TLS unless the host is local or `sslmode` says otherwise.
"""

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from journal.printable import one_line
from journal.settings import sections
from sync.remote.contract import RemoteError, Then


@dataclass(frozen=True, slots=True)
class Address:
    """A database, and the schema in it. `parameters` are libpq's own; no password is among them."""

    parameters: Mapping[str, str]
    schema: str

    @property
    def place(self) -> str:
        """For people: host, port, database and schema, as far as they are said."""
        found = self.parameters
        host = found.get("host") or found.get("hostaddr") or found.get("service") or "local socket"
        port = f":{found['port']}" if "port" in found else ""
        return one_line(f"{host}{port}/{found.get('dbname', '')} {self.schema}".strip())

    @property
    def host(self) -> str:
        """For messages: what is reached or not."""
        return one_line(self.parameters.get("host") or "the local server")

    def connect_parameters(self, seconds: float, password: str | None) -> dict[str, Any]:
        """What libpq is given; `seconds` bound each address that the host's name has."""
        found: dict[str, Any] = {
            "application_name": "agent-journal",
            "client_encoding": "utf8",
            "connect_timeout": max(2, math.ceil(seconds)),  # libpq knows nothing shorter
            "tcp_user_timeout": 10_000,
            **self.parameters,
        }
        if password is not None:
            found["password"] = password
        return found


def address(settings: sections.Remote, environ: Mapping[str, str]) -> Address:
    """The address in the settings. RemoteError `settings`, a pause: it is none.

    libpq takes what is not said from its own variables (PGHOST, PGUSER, PGSERVICE, ...), and the
    password from ~/.pgpass, PGPASSWORD or a service file.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        found = {key: str(value) for key, value in conninfo_to_dict(settings.url).items()}
    except psycopg.Error as error:
        hint = "it should look like postgresql://host/database"
        message = f"[remote] url is not an address of PostgreSQL ({hint})"
        raise RemoteError("settings", message, Then.PAUSE) from error
    if "password" in found:
        message = "[remote] url holds a password (put it into ~/.pgpass, or use token_env)"
        raise RemoteError("settings", message, Then.PAUSE)
    tells_tls = "sslmode" in found or "service" in found
    tells_tls = tells_tls or any(name in environ for name in ("PGSSLMODE", "PGSERVICE"))
    if not tells_tls and not all(map(_is_local, _hosts(found, environ))):
        found["sslmode"] = "require"
    return Address(found, settings.db_schema)


def _hosts(found: Mapping[str, str], environ: Mapping[str, str]) -> list[str]:
    named = found.get("host") or found.get("hostaddr") or environ.get("PGHOST", "")
    return named.split(",")


def _is_local(host: str) -> bool:
    """A socket, or this machine; a name is local only if it says so itself."""
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
