"""The stages that wait for others: deliveries, pulls, a model's calls. No local pass waits.

Each has a lock of its own, and what they bring is appended to the journal, so that the next local
pass stores it like everything else.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from journal.errors import BusyError
from journal.times import to_text
from sync import daily_log
from sync.conditions import Conditions
from sync.delivery import deliveries, retry_queue
from sync.delivery.order import Delivered
from sync.memory import stage
from sync.remote.contract import RemoteError, Then
from sync.team_archive import exchange


@dataclass(slots=True)
class Outside:
    """What became of one run of these stages."""

    asked: stage.Asked = field(default_factory=stage.Asked)
    delivered: Delivered = field(default_factory=Delivered)
    pulled: exchange.Exchanged = field(default_factory=exchange.Exchanged)

    @property
    def is_waiting(self) -> bool:
        """Whether a later run has to go on with something."""
        ours = self.delivered.waiting - self.delivered.elsewhere
        asked = self.asked.waiting - self.asked.over_budget  # the rest waits for another day
        return bool(asked > 0 or self.delivered.ripening or (ours and not self.is_paused))

    @property
    def is_paused(self) -> bool:
        """Whether deliveries wait for a person to change something."""
        error = self.delivered.error
        return error is not None and error.then is Then.PAUSE

    @property
    def did_something(self) -> bool:
        """Whether there is anything to log."""
        done = self.delivered
        return bool(
            self.asked.asked
            or self.asked.error
            or done.tried
            or done.error
            or self.pulled.did_something
        )

    @property
    def brought(self) -> bool:
        """Whether anything but failures came of it."""
        done = self.delivered
        return bool(
            done.sent or done.dead or done.pending or self.asked.answered or self.pulled.brought
        )

    @property
    def problems(self) -> list[str]:
        """What people must know, a line each."""
        found = [*self.delivered.problems, *self.pulled.problems]
        if (refusal := self.delivered.error) is not None:
            found.append(f"the remote: {refusal.details} ({self._what_follows(refusal)})")
        if self.asked.over_budget:
            sessions = (
                "1 session"
                if self.asked.over_budget == 1
                else (f"{self.asked.over_budget:,} sessions")
            )
            found.append(
                f"{sessions} left for later: memory.max_calls_per_day is reached "
                "(the built-in summary is used)"
            )
        if self.asked.error:
            found.append(
                f"the memory agent failed: {self.asked.error} (the built-in summary is used)"
            )
        return found

    def _what_follows(self, error: RemoteError) -> str:
        waiting = self.delivered.waiting
        if error.then in (Then.SPLIT, Then.REJECT) and self.delivered.dead:
            return "given up, kept in dead/: journal replay --dead sends it again"
        pieces = "1 piece waits" if waiting == 1 else f"{waiting:,} pieces wait"
        if error.then is Then.PAUSE:
            until = "until that is changed"
        else:
            until = "for the next attempt" + self._next_text()
        return f"{pieces} in retry/ {until}" if waiting else "nothing waits"

    def _next_text(self) -> str:
        """Which attempt failed, and when the next one is made."""
        parts = [f"attempt {self.delivered.attempt} failed"] if self.delivered.attempt else []
        if self.delivered.next_us is not None:
            parts.append(f"next {to_text(self.delivered.next_us)[:19]}Z")
        return f": {', '.join(parts)}" if parts else ""

    def said(self) -> dict[str, Any]:
        """The numbers, for programs."""
        asked, done = self.asked, self.delivered
        return {
            "remote": {
                "sent": done.sent,
                "failed": done.failed,
                "waiting": done.waiting,
                **({"elsewhere": done.elsewhere} if done.elsewhere else {}),
                "dead": done.dead,
                "error": remote_error_json(done),
                "pending": done.pending,
            },
            "model": {
                "asked": asked.asked,
                "answered": asked.answered,
                "waiting": asked.waiting,
                "error": daily_log.error_json(asked.error),
            },
            "pulled": {
                "records": self.pulled.records,
                "sessions": self.pulled.sessions,
                "deleted": self.pulled.deleted,
            },
        }


def remote_error_json(done: Delivered) -> dict[str, Any] | None:
    """The last error of a delivery, for programs; None: all is well."""
    error = done.error
    if error is None:
        return None
    return {
        "class": error.kind,
        "message": error.details,
        "request": error.request or None,
        "seconds": round(error.seconds, 3),
        "attempt": done.attempt,
        "next_at": None if done.next_us is None else to_text(done.next_us),
    }


def no_progress(what: str, done: int, total: int) -> None:
    """No one watches the progress."""


def run(conditions: Conditions, progress: Callable[[str, int, int], None] = no_progress) -> Outside:
    """One run of each stage; what they recorded is stored. `progress`: sessions, then pieces.

    JournalError: the database or the journal cannot be used.
    """
    if conditions.layout.without_packs.exists():
        return Outside()  # nothing is known of what was sent or forgotten; the pass has said why
    delivered = _deliver(conditions, progress)
    pulled = exchange.run(conditions, is_reachable=delivered.error is None)
    asked = stage.ask(conditions)
    if asked.asked:
        with suppress(BusyError):  # the process that has the lock, or the next pass, stores it
            conditions.run_pass()
    return Outside(asked, delivered, pulled)


def _deliver(conditions: Conditions, progress: Callable[[str, int, int], None]) -> Delivered:
    layout = conditions.layout
    if layout.retry in layout.closed_folders():
        return Delivered()  # the pass has named it
    try:
        return deliveries.run(conditions, deliveries.Wish(progress=progress))
    except BusyError:  # another process is at it
        return Delivered(waiting=len(retry_queue.list_names(layout.retry)))
