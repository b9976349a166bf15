"""A local pass with a deadline, for the hook of SessionStart: `python -m journal.cli.catch_up`.

Arguments: the home and the milliseconds it may take. Prints a line `<records>\t<session>` for
each session of which records are still not in the database. Not a command: it skips all that a
person needs, because the agent waits.
"""

import sys

from journal.cli.app import App
from journal.errors import BusyError, JournalError


def main(home: str, milliseconds: str) -> int:
    """Exit code 0: the pass ran, or another process is running one at this moment."""
    app = App()
    app.home = home
    seconds = int(milliseconds) / 1000
    try:
        app.sync(wait_seconds=seconds, seconds=seconds)
    except BusyError:
        pass  # what it has not committed yet is counted below
    except JournalError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    _print_unsynced(app)
    return 0


def _print_unsynced(app: App) -> None:
    from sync.ingest.backlog import missing_records
    from sync.store import connection

    db = connection.open_store(app.layout)
    missing = missing_records(db, app.layout)
    db.close()
    for records, session in missing:
        sys.stdout.write(f"{records}\t{session}\n")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
