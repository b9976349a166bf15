"""The token of a remote: from the environment or a program, never from a file of the journal."""

from collections.abc import Mapping
from pathlib import Path

from journal.settings import sections
from sync.memory.errors import ModelError
from sync.memory.process import run
from sync.remote.contract import RemoteError, Then

DEFAULT_VARIABLES = ("MINDSPRING_INGEST_TOKEN", "MINDSPRING_API_KEY")
_OUTPUT_BYTES = 1 << 16


def token(settings: sections.Remote, environ: Mapping[str, str]) -> str:
    """The token: the variable named by `token_env`, else what `token_command` prints.

    With neither setting: the first of DEFAULT_VARIABLES that is set. RemoteError `no_token`, a
    pause: there is none; the text names where it was looked for, and never what was found.
    """
    variables: tuple[str, ...] = (settings.token_env,) if settings.token_env else ()
    if not variables and not settings.token_command:
        variables = DEFAULT_VARIABLES
    for name in variables:
        if found := environ.get(name, "").strip():
            return found
    if settings.token_command:
        return _printed(settings, environ)
    places = " or ".join(variables)
    raise _missing(f"no token: {places} is not set in the environment")


def optional_token(settings: sections.Remote, environ: Mapping[str, str]) -> str | None:
    """The token that the settings name; None: they name none, and there are other ways."""
    if not settings.token_env and not settings.token_command:
        return None
    return token(settings, environ)


def _printed(settings: sections.Remote, environ: Mapping[str, str]) -> str:
    """What the program prints, without a shell; it is found on PATH or named by a whole path."""
    command = settings.token_command
    program = Path(command[0]).name
    try:
        output = run(
            command, b"", settings.timeout_seconds, _OUTPUT_BYTES, lambda: False, Path("/"), environ
        )
    except ModelError as error:
        raise _missing(f"no token: token_command: {error}") from error
    if output.code != 0:
        raise _missing(f"no token: token_command {program} failed with exit code {output.code}")
    text = output.stdout.decode("utf-8", "replace").strip()
    if not text:
        raise _missing(f"no token: token_command {program} printed nothing")
    return text


def _missing(message: str) -> RemoteError:
    return RemoteError("no_token", message, Then.PAUSE)
