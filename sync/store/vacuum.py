"""What keeps the database small, done at the end of a pass that wrote something.

Each measure is bounded, and none of them waits for a reader: what is not done now, a later pass
does. `pragma optimize` is none of them: every query has the index it was made for, and with
statistics of some moment the planner would choose others.
"""

from pathlib import Path

import apsw

WAL_BYTES = 4 << 20  # a larger one is brought into the database and emptied
FREE_PAGES = 1024  # fewer, or less than a tenth, are kept: the next records fill them again
FREE_SHARE = 10
MERGE_PAGES = 1000  # of the index, written in one go to be rid of deleted texts
VACUUM_PAGES = 4096  # given back in one pass: some 16 MB


def tend(db: apsw.Connection) -> None:
    """Give back free pages, empty a large WAL."""
    _vacuum(db)
    empty_wal(db)


def _vacuum(db: apsw.Connection) -> None:
    free, pages = int(db.pragma("freelist_count")), int(db.pragma("page_count"))
    if free > max(FREE_PAGES, pages // FREE_SHARE):
        db.execute(f"pragma incremental_vacuum({VACUUM_PAGES})").fetchall()


def shrink(db: apsw.Connection) -> None:
    """Give back what a deletion has left free: all of it, and part of what the index holds yet."""
    db.execute(f"insert into full_text (full_text, rank) values ('merge', {MERGE_PAGES})")
    db.execute("pragma incremental_vacuum").fetchall()
    empty_wal(db)


def tidy(db: apsw.Connection, new: int) -> None:
    """Make the database as small as it is quickly made, after so many new events arrived at once.

    The index is merged where most of it is new: its segments repeat their words.
    """
    if 2 * new >= int(db.execute("select count(*) from events").get):
        db.execute("insert into full_text (full_text) values ('optimize')")
    db.execute("pragma incremental_vacuum").fetchall()
    empty_wal(db)


def rewrite(db: apsw.Connection) -> None:
    """Leave nothing of what was deleted: SQLite keeps it where it lay, in free pages and its WAL.

    The index is merged into one, the database copied page by page, the WAL emptied. apsw.BusyError:
    another program is reading.
    """
    db.execute("insert into full_text (full_text) values ('optimize')")
    db.pragma("temp_store", "file")  # a copy of the database is not for memory
    db.execute("vacuum")
    db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


def empty_wal(db: apsw.Connection) -> None:
    """Bring a large WAL into the database and give its space back, if no reader needs it."""
    wal = Path(f"{db.filename}-wal")
    if not wal.exists() or wal.stat().st_size <= WAL_BYTES:
        return
    waits = int(db.pragma("busy_timeout"))
    db.set_busy_timeout(0)
    try:
        db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.BusyError:
        pass  # a reader needs it; the next pass tries again
    finally:
        db.set_busy_timeout(waits)
