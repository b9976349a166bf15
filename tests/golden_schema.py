"""Writes `tests/data/schemas/v<N>.sql`: a database of the present schema with a few sessions in it.

Run it once when a version of the schema is final, before the next step is put on the ladder:
`python tests/golden_schema.py`. The file of an older version is never written again.
"""

import io
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent / "data" / "schemas"
NAMES = ("i-exit", "p-parallel", "p-unicode")
TESTS = str(Path(__file__).parent)


def write_journal(home: Path) -> None:
    """The journal that every golden database was made of."""
    import recordings

    for name in NAMES:
        recordings.write_journal(home, name)


def dump(database: Path) -> str:
    """The database as SQL, without the comments that say when it was dumped."""
    import apsw
    import apsw.shell

    out = io.StringIO()
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    shell = apsw.shell.Shell(stdout=out, db=db)
    shell.process_command(".dump")
    db.close()
    lines = out.getvalue().split("\n")
    return "\n".join(line for line in lines if line[:3] != "-- ").strip() + "\n"


def main() -> None:
    """Write the file of the present version."""
    sys.path[:0] = [TESTS, str(Path(TESTS).parent)]
    import stored

    from sync import schema

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_journal(home)
        stored.sync(home)
        path = FOLDER / f"v{schema.VERSION}.sql"
        path.write_text(dump(home / "journal.db"))
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
