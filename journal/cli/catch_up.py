"""A local pass with a deadline, for the hook of SessionStart: `python -m journal.cli.catch_up`.

Arguments: the home and the milliseconds it may take. Prints a line `<records>\t<session>` for
each session of which records are still not in the database. Not a command: it skips all that a
person needs, because the agent waits.
"""

import sys

from journal.cli.app import App
from journal.errors import BusyError, JournalError

COUNT_LIMIT_BYTES = 64 << 20


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
    from sync import store
    from sync.backlog import backlog

    db = store.open_store(app.layout)
    counts: dict[str, int] = {}
    for part in backlog(db, app.layout).unsynced:
        counts[part.session] = counts.get(part.session, 0) + part.records(COUNT_LIMIT_BYTES)
    db.close()
    for session, records in counts.items():
        if records:
            sys.stdout.write(f"{records}\t{session}\n")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
