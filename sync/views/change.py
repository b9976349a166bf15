"""What a view is told: one session, its new events in order, and the state behind them."""

from dataclasses import dataclass, field

from journal.session.fold import Event
from journal.session.state import SessionState


@dataclass(frozen=True, slots=True)
class Change:
    """One session's step. Of a session folded anew, one of several slices that cover all of it.

    Without events: the journal itself said something of the session, see `views.advance`, or there
    are asides only.
    """

    session: int
    agent: str
    id: str
    events: list[Event]
    state: SessionState  # after the last of the events
    unopened: frozenset[int]  # rows of events that end a tool call which was not open
    asides: list[Event] = field(default_factory=list)  # new ones that change no state, unordered

    @property
    def all_events(self) -> list[Event]:
        """The new events, also those that only tell what others have done."""
        return [*self.events, *self.asides] if self.asides else self.events
