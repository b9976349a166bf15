"""The key of an installation's markers: it makes equal secrets equal and leads back to none."""

import os
import secrets
import tempfile
from pathlib import Path

from journal.durable_files import make_folder, sync_folder
from journal.errors import JournalError

KEY_BYTES = 32


def load_key(path: Path) -> bytes:
    """The key of this installation's markers, 32 bytes; made with mode 0600 on first use.

    Processes that come at once get the same key. JournalError: it cannot be read or made, or it is
    too short.
    """
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        _make_key(path)
        return load_key(path)
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot read {path}: {error.strerror}", hint) from error
    if len(key) < KEY_BYTES:
        hint = "remove it; a new one is made, and markers made from now on differ from the old ones"
        raise JournalError(f"{path} is too short for a key: {len(key)} bytes", hint)
    return key


def _make_key(path: Path) -> None:
    make_folder(path.parent)
    try:
        fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(fd, "wb") as file:
                os.fchmod(fd, 0o600)
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(fd)
            os.link(name, path)  # unlike a rename it never replaces the key another process made
        except FileExistsError:
            pass
        finally:
            Path(name).unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        hint = "check the rights and the free space of the home"
        raise JournalError(f"cannot make {path}: {error.strerror}", hint) from error
