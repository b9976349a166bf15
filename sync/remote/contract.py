"""What every remote offers, and how it says what went wrong.

A piece is sent from itself alone: a remote knows neither the database nor the journal. What it
must remember between two attempts (an upload's id, a job's) it keeps in `Progress`, which the
caller has saved before the next request is made.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

# What a remote keeps about one piece between attempts: JSON values, saved with the piece. What it
# calls `upload…` is of bytes that no reader can see before another step is taken.
Progress = dict[str, Any]
Save = Callable[[], None]  # the progress, as it is now, is on the disk when this returns


_POLLED = "polled_us"  # when the remote was last asked what became of the piece
_HASHES, _HASH = "hashes_before", re.compile("[0-9a-f]{64}")


def to_be_asked_now(progress: Progress) -> None:
    """The remote is asked about the piece at the next attempt, however soon that is."""
    progress.pop(_POLLED, None)


def with_other_bytes(progress: Progress, sha256: str) -> Progress:
    """What there is to remember of a piece that was tried with bytes of this hash, and has others.

    A remote that may have those looks for their hash, too; none goes on with an upload of them.
    """
    kept = {key: value for key, value in progress.items() if not key.startswith("upload")}
    return {**kept, _HASHES: [*hashes_before(progress), sha256]}


def hashes_before(progress: Progress) -> list[str]:
    """The hashes of all the bytes that a piece was tried with and does not have any more."""
    found = progress.get(_HASHES)
    listed = found if isinstance(found, list) else []
    return [one for one in listed if isinstance(one, str) and _HASH.fullmatch(one)]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of one session's archive, rendered once. The bytes never change."""

    agent: str
    session: str
    host: str  # of the machine that made it
    number: int  # in its session and host, from 1
    title: str  # one line for people
    created_us: int  # microseconds since 1970
    sha256: str  # of `body`, hex
    body: bytes
    part: str = ""  # of a piece that had to be split, like `.1`


@dataclass(frozen=True, slots=True)
class Message:
    """Something said or done, as people read it."""

    event_id: str
    at_us: int
    role: str  # `user`, `assistant`, `tool` or `system`
    text: str


@dataclass(frozen=True, slots=True)
class Material:
    """What a piece is rendered from: the same events as records and as a conversation."""

    lines: Sequence[bytes]  # whole records, redacted, each with its newline
    messages: Sequence[Message]
    kinds: Sequence[int] = ()  # for each line, bits: which of its texts the local index holds


@dataclass(frozen=True, slots=True)
class Heading:
    """What a piece says of its session."""

    agent: str
    session: str
    host: str
    number: int
    title: str
    created_us: int
    project: str
    memory_id: str | None
    summary: Mapping[str, Any] | None  # JSON shape of the public interface
    row: Mapping[str, Any] | None = None  # the session as lists show it, and its `triggers`


class Outcome(StrEnum):
    """What became of a piece at the remote."""

    STORED = "stored"
    PENDING = "pending"  # the remote has it and works on it; ask again later


class Then(StrEnum):
    """What follows from an error."""

    RETRY = "retry"  # may go well another time
    PAUSE = "pause"  # will not before a person changes something; nothing is sent meanwhile
    SPLIT = "split"  # too large, or parts of it are refused: smaller pieces may be accepted
    REJECT = "reject"  # this piece will never be accepted


class RemoteError(Exception):
    """A delivery that did not come to its end.

    `kind` is one word or two for machines (`timeout`, `unreachable`, `out_of_memory`, ...), the
    text one line for people, never with a token in it.
    """

    def __init__(
        self, kind: str, message: str, then: Then, *, ambiguous: bool = False,
        retry_after_seconds: float | None = None, counts: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.kind = kind
        self.then = then
        self.ambiguous = ambiguous  # the remote may have stored it all the same
        self.retry_after_seconds = retry_after_seconds  # the remote's own wish
        self.counts = counts  # speaks against the remote as a whole (see the circuit breaker)
        self.request = ""  # method and address, without a secret
        self.seconds = 0.0  # that the request took
        self.words = ""  # the remote's own, where the text leaves them out

    @property
    def details(self) -> str:
        """The text with what a bug report needs: what was asked, what came, how long it took."""
        text = f"{self}: {self.words}" if self.words else str(self)
        return f"{text} ({self.request}, {self.seconds:.1f} s)" if self.request else text


class Remote(Protocol):
    """One archive. Methods raise RemoteError and nothing else for what the remote does."""

    @property
    def name(self) -> str:
        """Kind and place in one line without a secret: two remotes never share one."""

    @property
    def max_bytes(self) -> int:
        """The longest body that a piece may have."""

    def render(self, heading: Heading, material: Material) -> bytes:
        """The body of a piece. Pure: the same input gives the same bytes."""

    def split(self, piece: Piece) -> list[bytes]:
        """The bodies of two or more smaller pieces that say the same; empty: it has no parts."""

    def deliver(self, piece: Piece, progress: Progress, save: Save, seconds: float) -> Outcome:
        """Bring the piece to the remote, going on where `progress` says an attempt ended.

        Exactly once as far as the remote allows: what was ambiguous is looked up by content
        hash before it is sent again. `seconds` are left for all requests together.
        """

    def close(self) -> None:
        """Give up connections."""


@runtime_checkable
class LooksLater(Protocol):
    """A remote that works on a piece for some time after it has taken it."""

    def look_later(self) -> None:
        """From now on `deliver` does not wait for the end of that: it is called again."""
