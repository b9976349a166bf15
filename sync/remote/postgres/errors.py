"""What PostgreSQL reports, in the words of the contract: a class, one line, and what follows.

By SQLSTATE (PostgreSQL's documentation, appendix A) where there is one; libpq gives none for a
connection that could not be made, so that its text is looked at, which is English but for the part
that the server wrote.
"""

import re

import psycopg

from journal.printable import one_line
from sync.remote.contract import RemoteError, Then

MESSAGE_CHARS = 300
INIT = "run as administrator: journal archive init"
_RETRY, _PAUSE, _REJECT = Then.RETRY, Then.PAUSE, Then.REJECT
# The longest beginning of a SQLSTATE counts.
_STATES = {
    "08": ("dropped", _RETRY),
    "0A": ("refused", _PAUSE),
    "22": ("refused", _REJECT),
    "23": ("refused", _REJECT),
    "25006": ("read_only", _RETRY),
    "28": ("auth", _PAUSE),
    "3D": ("not_found", _PAUSE),
    "3F": ("schema", _PAUSE),
    "40": ("busy", _RETRY),
    "42": ("schema", _PAUSE),
    "42501": ("forbidden", _PAUSE),
    "53": ("busy", _RETRY),
    "53100": ("full", _RETRY),
    "54": ("too_large", Then.SPLIT),
    "55": ("busy", _RETRY),
    "57": ("dropped", _RETRY),
    "57014": ("timeout", _RETRY),
    "57P03": ("busy", _RETRY),
    "58": ("server_error", _RETRY),
}
_TEXTS = (
    (r"password authentication failed|no password supplied|authentication", "auth", _PAUSE),
    (r"role .* does not exist|no pg_hba\.conf entry|not permitted to log in", "auth", _PAUSE),
    (r"database .* does not exist", "not_found", _PAUSE),
    (r"permission denied for database", "forbidden", _PAUSE),
    (r"too many (connections|clients)|remaining connection slots", "busy", _RETRY),
    (r"starting up|shutting down|recovery mode|not accepting connections", "busy", _RETRY),
    (r"\bSSL\b|\bTLS\b|certificate", "tls", _PAUSE),
    (r"timeout expired|timed? ?out", "timeout", _RETRY),
    (r"definition of service|service file|invalid (port|sslmode|connection)", "settings", _PAUSE),
)
_REMARKS = ("Multiple", "DETAIL", "HINT", "Is the server running")
_BEGINNING = re.compile(r"^.*?(FATAL|ERROR):\s*|^connection (to server )?at .*? failed: ")
_HINTS = {
    "unreachable": "check the host and port in [remote] url, and whether the server runs",
    "timeout": "check the host and port in [remote] url; it is tried again",
    "dropped": "it is tried again",
    "busy": "it is tried again",
    "settings": "check [remote] url",
    "auth": "check the role in [remote] url, ~/.pgpass, token_env or token_command",
    "no_token": "put the password into ~/.pgpass, or use token_env or token_command",
    "forbidden": "ask the administrator for: grant agent_journal_user to your role",
    "not_found": "check the database in [remote] url",
    "schema": INIT,
    "tls": "set sslmode in [remote] url, or let the server speak TLS",
    "full": "the archive's disk is full; the administrator has to make room",
    "read_only": "the server accepts no changes at the moment; it is tried again",
}


def connect_error(error: psycopg.Error, host: str) -> RemoteError:
    """A connection that could not be made."""
    if error.sqlstate:
        return server_error(error, host)
    text = _shown(str(error))
    if "no password supplied" in text:
        return made("no_token", f"{host} asks for a password", _PAUSE)
    for pattern, kind, then in _TEXTS:
        if re.search(pattern, text, re.IGNORECASE):
            if kind == "timeout":
                return made(kind, f"no connection to {host} in time", then)
            return made(kind, f"cannot connect to {host}: {text}", then)
    return made("unreachable", f"cannot reach {host}: {text}", _RETRY)


def server_error(error: psycopg.Error, host: str) -> RemoteError:
    """A statement that failed, or a connection that was lost. What was sent may be stored."""
    state = error.sqlstate or ""
    if not state:
        return made("dropped", f"the connection to {host} was lost", _RETRY, ambiguous=True)
    known = (state[:size] for size in (5, 2) if state[:size] in _STATES)
    kind, then = _STATES.get(next(known, ""), ("server_error", _RETRY))
    text = _shown(error.diag.message_primary or type(error).__name__)
    return made(kind, f"{host}: {text}", then, ambiguous=True)


def made(kind: str, text: str, then: Then, *, ambiguous: bool = False) -> RemoteError:
    """An error of this class, with its hint."""
    hint = _HINTS.get(kind)
    whole = f"{text} ({hint})" if hint and hint not in text else text
    counts = then is not Then.RETRY or kind not in ("busy",)
    return RemoteError(kind, whole, then, ambiguous=ambiguous, counts=counts)


def _shown(text: str) -> str:
    """The last line that says something: libpq names each address that it tried."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(_REMARKS)]
    line = one_line((said or lines or ["without a reason"])[-1])
    return re.sub(_BEGINNING, "", line.removeprefix("- "))[:MESSAGE_CHARS]
