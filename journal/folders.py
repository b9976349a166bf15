"""What is in a folder."""

import os
from pathlib import Path

from journal.errors import JournalError


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """The entries of a folder; none if it is not there. JournalError: it cannot be read."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot read {folder}: {error.strerror}", hint) from error
