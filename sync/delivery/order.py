"""What a run of the queue works with, and what became of its pieces."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from journal.layout import Layout
from journal.redaction.redactor import Redactor
from journal.settings.sources import Settings
from sync.delivery.circuit_breaker import Circuit, Remotes
from sync.remote.contract import Remote, RemoteError, Then


@dataclass(slots=True)
class Delivered:
    """What became of pieces. `pending`: sent, and the remote works on them."""

    tried: int = 0
    sent: int = 0
    failed: int = 0
    dead: int = 0
    pending: int = 0
    working: list[str] = field(default_factory=list)  # of them, those that were sent in this run
    divided: bool = False  # a piece was too large, and is smaller ones now
    waiting: int = 0  # files that are left
    elsewhere: int = 0  # of them, for another remote than the one that is set
    ripening: int = 0  # sessions with something new that waits for more to go with it
    error: RemoteError | None = None  # the last one
    attempt: int = 0  # that ended with it: of the remote as a whole, else of its piece
    next_us: int | None = None  # when the next one may be made
    problems: list[str] = field(default_factory=list)  # files that cannot be replayed


@dataclass(frozen=True, slots=True)
class Order:
    """What a run works with."""

    layout: Layout
    settings: Settings
    redactor: Redactor
    remote: Remote
    remotes: Remotes  # what is remembered of each; saved with every change
    circuit_key: str  # of the settings, see `circuit_breaker.settings_key`
    clock_ns: Callable[[], int]
    chance: Random
    stopping: Callable[[], bool]
    all: bool = False  # regardless of the schedule
    probe: bool = False  # a person asked: try once, also while the circuit is open
    progress: Callable[[int, int], None] = lambda done, total: None  # pieces

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""
        return self.clock_ns() // 1000

    @property
    def circuit(self) -> Circuit:
        """The state of the remote."""
        return self.remotes.circuit(self.remote.name, self.circuit_key)


def said(circuit: Circuit) -> RemoteError | None:
    """Why nothing is sent at this moment, as the remote said it last."""
    found = circuit.paused or circuit.last_error
    if found is None:
        return None
    then = Then.PAUSE if circuit.paused else Then.RETRY
    return RemoteError(found.kind, found.message, then)
