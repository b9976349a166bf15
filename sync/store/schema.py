"""The versions of the database's schema: `migrations/N-*.sql` leads from version N - 1 to N.

Facts are what the journal says; views are derived from them and may be dropped and made again.
`migration` runs each step in one transaction, together with the number that notes it.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import apsw

APPLICATION_ID = 0x414A4E4C  # "AJNL"
Step = Callable[[apsw.Connection], object]
_FOLDER = Path(__file__).parent / "migrations"


def _run(names: tuple[str, ...], db: apsw.Connection) -> None:
    for name in names:
        db.execute((_FOLDER / f"{name}.sql").read_text("utf-8"))


# Step n leads from user_version n to n + 1.
STEPS: tuple[Step, ...] = (
    partial(_run, ("1-facts", "1-views")),
    partial(_run, ("2-memory",)),
    partial(_run, ("3-remotes",)),
    partial(_run, ("4-ends",)),
    partial(_run, ("5-transcripts",)),
    partial(_run, ("6-conversation", "6-words", "6-arrivals", "6-blocks", "6-sql-views")),
)
VERSION = len(STEPS)
# A table that each step makes, by which a database shows its schema.
LANDMARKS = ("events", "binds", "pieces", "pins", "transcripts", "arrivals")
