"""What one pass did."""

from dataclasses import dataclass, field

from journal.errors import JournalError
from sync.rebuild import rebuild
from sync.retention import packing
from sync.retention.prune_plan import Plan


@dataclass(slots=True)
class Report:
    """What one pass did. `read` counts lines, `duplicate` those whose records were known."""

    read: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    excluded: int = 0  # because of capture.exclude_projects and exclude_tools
    adopted: int = 0
    reaped: int = 0  # sessions that count as ended from now on
    resolved: int = 0  # sessions that were given a memory id
    touched: set[int] = field(default_factory=set)  # sessions that got something new
    unreadable: tuple[str, ...] = ()
    seen_bytes: int | None = None  # of all journal files; None: the deadline came first
    packed: packing.Packed = field(default_factory=packing.Packed)
    copied: int = 0  # records of transcripts
    rebuilt: rebuild.Rebuilt | None = None
    pruned: Plan = field(default_factory=Plan)  # what retention has removed
    clock_problem: str = ""  # why nothing was deleted, packed or ended by its age
    problems: list[JournalError] = field(default_factory=list)  # what was left as it is, and why

    @property
    def counts(self) -> dict[str, int]:
        """What became of the records, for the log and the public interface."""
        return {
            "read": self.read,
            "stored": self.stored,
            "duplicate": self.duplicate,
            "rejected": self.rejected,
            "excluded": self.excluded,
            "copied": self.copied,
        }

    @property
    def summaries(self) -> int:
        """How many summaries were made again."""
        return len(self.touched)

    def add(self, more: "Report") -> None:
        """Add what the same pass synced later."""
        self.read += more.read
        self.stored += more.stored
        self.duplicate += more.duplicate
        self.rejected += more.rejected
        self.excluded += more.excluded
        self.touched |= more.touched
        self.adopted += more.adopted
        self.resolved += more.resolved
        self.unreadable += more.unreadable
        self.seen_bytes = more.seen_bytes
