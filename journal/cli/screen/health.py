"""The one line of health that the board, the list and `status` share."""

import os
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from journal.setup.capture import Capture
    from sync.checkup.home_status import Condition


def health(found: "Condition", now_us: int) -> str:
    """One line: when something was recorded last, what is not synced, what is wrong."""
    from journal.cli.screen.tables import ago

    last = "nothing recorded"
    if found.last_us:
        when = ago(now_us - found.last_us)
        last = f"last event {'just now' if when == 'now' else when}"
    wrong = [str(problem) for problem in found.problems]
    if found.rejected:
        wrong.insert(0, f"{found.rejected:,} rejected")
    if found.archive.circuit.state != "closed":
        wrong.append(f"remote {found.archive.circuit.state}, {found.archive.waiting:,} waiting")
    wrong += found.warnings(now_us)
    behind = [unsynced(found, now_us)] if found.unsynced_bytes or not wrong else []
    if not wrong:
        return " · ".join([*behind, last])
    hint = found.problems[0].hint if len(wrong) == len(found.problems) == 1 else "journal status"
    return " · ".join([*behind, last, *wrong]) + f" ({hint})"


def unsynced(found: "Condition", now_us: int) -> str:
    """How much of the journal is not in the database yet."""
    from journal.cli.screen.tables import ago

    if found.oldest_unsynced_us is None:
        return "up to date"
    oldest = ago(now_us - found.oldest_unsynced_us)
    return f"{size(found.unsynced_bytes)} not synced, the oldest from {oldest}"


def size(number: int) -> str:
    """Bytes for people: `512 bytes`, `3.4 MB`."""
    from rich.filesize import decimal

    return decimal(number)


def resume_command(found: "Capture") -> str:
    """The command that resumes capture where it is off because of a folder."""
    from hooks.project import folders
    from journal.printable import one_line

    if found.here in folders(os.curdir):
        return "To resume: journal on --here"
    return f"To resume: cd {one_line(shlex.quote(found.here))} && journal on --here"


def notice(found: "Capture") -> str:
    """One line that says what is off and how to resume; "" if nothing is off here."""
    from journal.printable import one_line

    if not found.off and not found.here:
        return ""
    if not found.obeyed:
        return "Capture is off, but the installed hooks still record (run: journal install)"
    if found.off:
        return "Capture is off: nothing is recorded. To resume: journal on"
    return f"Capture is off in {one_line(found.here)}. {resume_command(found)}"
