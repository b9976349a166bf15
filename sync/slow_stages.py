"""The stages that wait for others: deliveries, pulls, a model's calls. No local pass waits.

Each has a lock of its own, and what they bring is appended to the journal, so that the next local
pass takes it in like everything else.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from journal.errors import BusyError
from sync import daily_log
from sync.conditions import Conditions
from sync.delivery import deliveries, retry_queue
from sync.delivery.sending import Delivered
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
        return bool(self.asked.waiting or self.delivered.ripening or (ours and not self.is_paused))

    @property
    def is_paused(self) -> bool:
        """Whether deliveries wait for somebody to change something."""
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
        """What people must be told, a line each."""
        found = [*self.delivered.problems, *self.pulled.problems]
        if (refusal := self.delivered.error) is not None:
            found.append(f"the remote: {refusal} ({self._what_follows(refusal)})")
        if self.asked.error:
            found.append(
                f"the memory agent failed: {self.asked.error} (the built-in summary stands in)"
            )
        return found

    def _what_follows(self, error: RemoteError) -> str:
        waiting = self.delivered.waiting
        if error.then in (Then.SPLIT, Then.REJECT) and self.delivered.dead:
            return "given up, kept in dead/: journal replay --dead sends it again"
        pieces = "1 piece waits" if waiting == 1 else f"{waiting:,} pieces wait"
        until = "until that is changed" if error.then is Then.PAUSE else "for the next attempt"
        return f"{pieces} in retry/ {until}" if waiting else "nothing waits"

    def said(self) -> dict[str, Any]:
        """The numbers, for programs."""
        asked, done = self.asked, self.delivered
        return {
            "remote": {
                "sent": done.sent,
                "failed": done.failed,
                "waiting": done.waiting,
                "dead": done.dead,
                "error": daily_log.error_json(done.error),
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


def run(conditions: Conditions) -> Outside:
    """One run of each stage; what they recorded is taken in.

    JournalError: the database or the journal cannot be used.
    """
    delivered = _deliver(conditions)
    pulled = exchange.run(conditions, is_reachable=delivered.error is None)
    asked = stage.ask(conditions)
    if asked.asked:
        with suppress(BusyError):  # whoever holds the lock, or the next pass, takes it in
            conditions.take_in()
    return Outside(asked, delivered, pulled)


def _deliver(conditions: Conditions) -> Delivered:
    try:
        return deliveries.run(conditions, deliveries.Wish())
    except BusyError:  # another process is at it
        return Delivered(waiting=len(retry_queue.list_names(conditions.layout.retry)))
