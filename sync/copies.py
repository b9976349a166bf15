"""Copies of the database that lie beside it: backups, damaged ones, halves of rebuilds."""

from pathlib import Path

from journal.layout import Layout
from sync import replace

_ENDINGS = (".backup-v", ".damaged-", ".rebuild")  # behind the database's name


def beside(layout: Layout) -> list[Path]:
    """All of them, with what SQLite keeps beside each."""
    names = tuple(f"{layout.database.name}{ending}" for ending in _ENDINGS)
    try:
        found = [path for path in layout.home.iterdir() if path.name.startswith(names)]
    except FileNotFoundError:
        return []
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def remove(layout: Layout) -> tuple[str, ...]:
    """Remove them, for they hold what is to be nowhere; their names. To be called under the lock.

    OSError: the home cannot be written.
    """
    found = beside(layout)
    replace.remove_leftovers(layout)
    for path in found:
        path.unlink(missing_ok=True)
    return tuple(path.name for path in found)
