"""`retry/.begun`: the names of the pieces that are being sent together, while they are.

An attempt is on the disk before its piece is sent. Of one piece that is its own file, written
again; of many it is this one file. If a process is killed in between, `count` writes the attempts
into the pieces' files before anything else looks at them. To be called under `deliver.lock`.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from journal.durable_files import write_whole
from journal.errors import JournalError
from sync.delivery import retry_queue

_FILE = ".begun"


def note(folder: Path, names: Sequence[str]) -> None:
    """An attempt of each of these pieces begins; on the disk when this returns. JournalError."""
    write_whole(folder / _FILE, "\n".join(names).encode())


def clear(folder: Path) -> None:
    """The attempts have ended: the pieces are gone, or their files say so. JournalError."""
    retry_queue.unlink(folder / _FILE, durable=False)


def count(folder: Path) -> None:
    """The attempts of a process that was killed stand in the pieces' files. JournalError."""
    try:
        names = (folder / _FILE).read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        hint = "check the owner and rights of the home"
        raise JournalError(f"cannot read {folder / _FILE}: {error.strerror}", hint) from error
    for name in set(retry_queue.list_names(folder)).intersection(names):
        try:
            found = retry_queue.read(folder / name)
            head = replace(found.head, attempts=found.head.attempts + 1)
            retry_queue.update(folder / name, replace(found, head=head))
        except (retry_queue.GoneError, retry_queue.ForeignRetryError):
            continue  # said when it is to be sent
    clear(folder)
