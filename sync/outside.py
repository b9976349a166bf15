"""The stages that wait for others: a model's calls. They follow a local pass and never delay one.

Each has a lock of its own, and what they bring is appended to the journal, so that the next local
pass takes it in like everything else.
"""

from dataclasses import dataclass, field
from typing import Any

from sync import log
from sync.conditions import Conditions
from sync.memory import stage


@dataclass(slots=True)
class Outside:
    """What became of one run of these stages."""

    asked: stage.Asked = field(default_factory=stage.Asked)

    @property
    def is_waiting(self) -> bool:
        """Whether a later run has to go on with something."""
        return bool(self.asked.waiting)

    @property
    def did_something(self) -> bool:
        """Whether there is anything to log."""
        return bool(self.asked.asked or self.asked.error)

    @property
    def problems(self) -> list[str]:
        """What people must be told, a line each."""
        error = self.asked.error
        hint = "the built-in summary stands in"
        return [f"the memory agent failed: {error} ({hint})"] if error else []

    def said(self) -> dict[str, Any]:
        """The numbers, for programs."""
        asked = self.asked
        error = log.error_json(asked.error)
        numbers = {"asked": asked.asked, "answered": asked.answered, "waiting": asked.waiting}
        return {"model": numbers, "error": error}


def run(conditions: Conditions) -> Outside:
    """One run of each stage; what they recorded is taken in.

    JournalError: the database or the journal cannot be used.
    """
    asked = stage.ask(conditions)
    if asked.asked:
        conditions.take_in()
    return Outside(asked)
