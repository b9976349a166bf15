"""The checks that need the database or what the syncer keeps. They look; repairs are offered.

See journal/doctor for what a check is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a search that finds nothing loads this package, and needs none of them
    from journal.layout import Layout
    from journal.settings.sources import Settings
    from sync.checkup.home_status import Condition


@dataclass(slots=True)
class Subject:
    """The home that is looked at, with the numbers that several checks share.

    `run_pass` and `rebuild` run a pass and say what it did; None: the configuration cannot be
    read, and without its rules nothing may be stored.
    """

    layout: "Layout"
    settings: "Settings"
    environ: Mapping[str, str]
    now_us: int
    run_pass: Callable[[], str] | None
    rebuild: Callable[[], str] | None
    _found: "list[Condition]" = field(default_factory=list)

    @property
    def condition(self) -> "Condition":
        """As it was at the first look since the last repair. JournalError: days/ is unreadable."""
        from sync.checkup import home_status

        if not self._found:
            self._found.append(home_status.look(self.layout, self.settings, self.now_us))
        return self._found[0]

    def taking_in(self) -> Callable[[], str] | None:
        """The repair that runs a pass."""
        return self._repair(self.run_pass)

    def rebuilding(self) -> Callable[[], str] | None:
        """The repair that makes a new database; it accepts no loss."""
        return self._repair(self.rebuild)

    def clearing_lost(self) -> Callable[[], str] | None:
        """The repair that sets the count of lost records to 0."""
        from journal.setup import lost_records

        return self._repair(lambda: lost_records.clear(self.layout))

    def _repair(self, run: Callable[[], str] | None) -> Callable[[], str] | None:
        def repair() -> str:
            self._found.clear()
            return run() if run else ""

        return repair if run else None
