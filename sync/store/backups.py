"""Copies of the database in its folder: backups, damaged ones, unfinished rebuilds."""

from pathlib import Path

from journal.layout import Layout

_ENDINGS = (".backup-v", ".damaged-", ".rebuild")  # behind the database's name


def copies(layout: Layout) -> list[Path]:
    """All of them, with SQLite's own files for each."""
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
    found = copies(layout)
    remove_leftovers(layout)
    for path in found:
        path.unlink(missing_ok=True)
    return tuple(path.name for path in found)


_COMPANIONS = ("-wal", "-shm", "-journal")


def draft(layout: Layout) -> Path:
    """Where a new database is made."""
    return layout.database.with_name(f"{layout.database.name}.rebuild")


def remove_leftovers(layout: Layout) -> None:
    """Remove what a killed rebuild has left; under the lock, where none can be running."""
    path = draft(layout)
    for found in (path, *companions(path)):
        if found.exists():
            found.unlink()


def companions(path: Path) -> list[Path]:
    """The files that SQLite may keep next to a database."""
    return [Path(f"{path}{ending}") for ending in _COMPANIONS]
