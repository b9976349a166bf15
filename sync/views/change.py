"""What a view gets: one session, the steps that are new in its conversation, and its state."""

from dataclasses import dataclass, field

from journal.session.event import Event
from journal.session.state import SessionState
from journal.times import EARLIEST_US

NO_EVENT = EARLIEST_US, b""  # before every (at, id)


@dataclass(frozen=True, slots=True)
class Change:
    """One session's step. Of a session folded again, one of several slices that cover all of it.

    Without steps: the journal itself said something of the session, see `derive.advance`.
    """

    session: int
    agent: str
    id: str
    steps: list[Event]  # in the order of the conversation, each thing once
    state: SessionState  # after the last step
    position: int  # of the first step
    unopened: frozenset[int]  # rows of events that end a tool call which was not open
    order: tuple[int, bytes] = NO_EVENT  # the greatest (at, id) of all the session's events
    events: list[Event] = field(default_factory=list)  # all new ones, also repeated ones
    is_new: bool = True  # no step of it was derived before
