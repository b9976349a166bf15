"""The id of a home: made once, it names the origin of what the home sends to others."""

import os
import re
import uuid

from journal.errors import JournalError
from journal.layout import Layout, make_folder

_ID = re.compile("[0-9a-f]{32}")


def home_id(layout: Layout) -> str:
    """The id in the home's file `id`, made if it is missing. JournalError: it cannot be read."""
    path = layout.id_file
    try:
        make_folder(layout.home)
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(fd, "w") as file:
                file.write(f"{uuid.uuid4().hex}\n")
                file.flush()
                os.fsync(fd)
        found = path.read_text(errors="replace").strip()
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot read {path}: {error.strerror}", hint) from error
    if not _ID.fullmatch(found):
        raise JournalError(f"{path} holds no id of a home", "remove it: a new one is made")
    return found
