"""Looking at an installation: what is right, what is wrong, and what can safely be repaired.

A check is a function without arguments that returns findings. `examine` runs one, repairs what it
may and looks again. The checks of this package need no database; those that do are in
sync/checkup.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from journal.errors import JournalError


class Status(StrEnum):
    """How a finding is to be taken. Only an error makes `journal doctor` exit with 1."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


Repair = Callable[[], str]  # does it and says what was done; JournalError: it could not be


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: a line for people, and what they can do about it."""

    check: str
    status: Status
    message: str
    hint: str = ""
    repair: Repair | None = field(default=None, compare=False)
    fixed: bool = False  # the message says what was repaired


Check = Callable[[], list[Finding]]


@dataclass(frozen=True, slots=True)
class Voice:
    """Makes the findings of the check with this name."""

    check: str

    def ok(self, message: str) -> Finding:
        """All is well."""
        return Finding(self.check, Status.OK, message)

    def warning(self, message: str, hint: str, repair: Repair | None = None) -> Finding:
        """Something to know; it works all the same."""
        return Finding(self.check, Status.WARNING, message, hint, repair)

    def error(self, message: str, hint: str, repair: Repair | None = None) -> Finding:
        """Something does not work."""
        return Finding(self.check, Status.ERROR, message, hint, repair)


def examine(name: str, check: Check, *, fix: bool) -> list[Finding]:
    """Run a check; with `fix` also the repairs that its findings offer, and then look again.

    A repair that fails leaves its finding with the reason as the hint. A check that cannot look
    is an error with its reason, so that the others still run.
    """
    found = _looked(name, check)
    repairs = [one for one in found if fix and one.repair is not None]
    if not repairs:
        return found
    done: list[Finding] = []
    failed: dict[str, str] = {}
    for one in repairs:
        try:
            said = one.repair() if one.repair else ""
        except JournalError as error:
            hint = f" ({error.hint})" if error.hint else ""
            failed[one.message] = f"the repair failed: {error}{hint}"
            continue
        if said:  # else a repair before it has done it already
            done.append(Finding(name, Status.OK, said, fixed=True))
    again = [replace(one, hint=failed.get(one.message, one.hint)) for one in _looked(name, check)]
    return [*done, *(one for one in again if one.status is not Status.OK or not done)]


def _looked(name: str, check: Check) -> list[Finding]:
    try:
        return check()
    except JournalError as error:
        return [Finding(name, Status.ERROR, str(error), error.hint)]
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        hint = "check its owner and rights"
        return [Finding(name, Status.ERROR, f"cannot check: {error.strerror}{where}", hint)]


def count(number: int, noun: str) -> str:
    """`1 file`, `2,000 files`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def some(names: list[str], limit: int = 3) -> str:
    """The first of them, and how many more there are."""
    left = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {left:,} more" if left > 0 else "")
