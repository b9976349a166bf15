"""A piece that waits for its delivery, and its form on the disk (see retry_queue.py).

`dump` and `load` are each other's inverse; for any other input they raise BadPieceError. They
are pure: no file is touched here.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from journal.printable import spelled_out
from journal.settings.sections import plain
from journal.times import DAY_US, SECOND_US, to_text, to_us
from sync.remote.contract import Piece, Progress

VERSION = 1
MAX_BYTES = 512 << 20  # of a file: one piece is in memory as a whole


class BadPieceError(ValueError):
    """Why these bytes are not a piece of this version."""


@dataclass(frozen=True, slots=True)
class LastError:
    """How the last attempt ended."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Head:
    """All that is known of a waiting piece, but for its body."""

    agent: str
    session: str
    host: str
    number: int
    title: str
    created_us: int
    sha256: str  # of the body, hex
    size: int  # of the body, bytes
    target: str  # the name of the remote that it is for
    events: tuple[str, ...]  # the ids of what it covers
    next_us: int  # not tried before this time
    wait_us: int = 0  # how long the wait is that ends then, if it is longer than usual
    attempts: int = 0  # those begun
    last_error: LastError | None = None
    progress: Progress = field(default_factory=dict)  # the remote's own; it changes this object
    part: str = ""  # of a piece that had to be split, like `.1`

    @property
    def name(self) -> str:
        """Of the file: one for each piece and remote."""
        number = f"{self.number}{self.part}"
        fields = (self.agent, self.session, self.host, number, self.sha256, self.target)
        identity = hashlib.sha256("\0".join(fields).encode()).hexdigest()
        return f"{self.created_us:017d}-{identity[:16]}.json"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A waiting piece."""

    head: Head
    body: bytes

    @classmethod
    def of(cls, piece: Piece, target: str, events: tuple[str, ...]) -> "Waiting":
        """A piece that has never been tried; it is due at once."""
        head = Head(
            piece.agent, piece.session, piece.host, piece.number, spelled_out(piece.title),
            piece.created_us, piece.sha256, len(piece.body), target, events, piece.created_us,
        )  # fmt: skip
        return cls(head, piece.body)

    @property
    def piece(self) -> Piece:
        """As the remote takes it."""
        head = self.head
        return Piece(
            head.agent, head.session, head.host, head.number, head.title,
            head.created_us, head.sha256, self.body, head.part,
        )  # fmt: skip

    def part(self, number: int, body: bytes, *, is_last: bool) -> "Waiting":
        """A smaller piece out of this one, never tried. The last one covers all of its events.

        It is younger than this one by microseconds, and so is sent after it.
        """
        head = replace(
            self.head,
            part=f"{self.head.part}.{number}",
            created_us=self.head.created_us + number,
            sha256=hashlib.sha256(body).hexdigest(),
            size=len(body),
            events=self.head.events if is_last else (),
            wait_us=0,
            attempts=0,
            last_error=None,
            progress={},
        )
        return Waiting(head, body)


def dump(piece: Waiting) -> bytes:
    """The file of a piece: two lines, together one JSON object."""
    body = orjson.dumps(_body_fields(piece.body))
    return orjson.dumps(_head_fields(piece.head))[:-1] + b",\n" + body[1:] + b"\n"


def dump_line(piece: Waiting, more: dict[str, Any]) -> bytes:
    """The same in one line, with further keys before the body."""
    fields = {**_head_fields(piece.head), **more, **_body_fields(piece.body)}
    return orjson.dumps(fields) + b"\n"


def load(data: bytes) -> Waiting:
    """The piece of a file or line, its body checked. BadPieceError."""
    return from_fields(fields_of(data))


def load_head(data: bytes) -> Head:
    """The head alone, of a JSON object that holds its keys. BadPieceError."""
    return _head(fields_of(data))


def fields_of(data: bytes) -> dict[str, Any]:
    """The JSON object of a piece of this version. BadPieceError."""
    fields = _object(data)
    if "v" not in fields:
        raise BadPieceError("not a retry file")
    if type(fields["v"]) is not int or fields["v"] != VERSION:  # True == 1
        raise BadPieceError(f"unknown version {plain(str(fields['v']), 20)}")
    return fields


def _object(data: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadPieceError("empty" if not data.strip() else f"not JSON: {error.msg}") from error
    if not isinstance(fields, dict):
        raise BadPieceError("not a retry file")
    return fields


def from_fields(fields: dict[str, Any]) -> Waiting:
    """The piece of such an object. BadPieceError."""
    return _checked(_head(fields), _body(fields))


def with_body(head: Head, data: bytes) -> Waiting:
    """The piece of a head and of a JSON object that holds its body, which is checked.

    BadPieceError.
    """
    return _checked(head, _body(_object(data)))


def _checked(head: Head, body: bytes) -> Waiting:
    if hashlib.sha256(body).hexdigest() != head.sha256 or len(body) != head.size:
        raise BadPieceError("the body does not match its hash")
    return Waiting(head, body)


def _head_fields(head: Head) -> dict[str, Any]:
    error = head.last_error
    return {
        "v": VERSION,
        "created_at": to_text(head.created_us),
        "attempts": head.attempts,
        "next_at": to_text(head.next_us),
        "wait_seconds": head.wait_us / SECOND_US,
        "last_error": error and {"class": error.kind, "message": spelled_out(error.message)},
        "session": head.session,
        "piece": {
            "agent": head.agent,
            "host": head.host,
            "number": head.number,
            "part": head.part,
            "title": head.title,
            "bytes": head.size,
        },
        "sha256": head.sha256,
        "target": {"remote": head.target},
        "progress": head.progress,
        "events": head.events,
    }


def _head(fields: dict[str, Any]) -> Head:
    piece = _get(fields, "piece", dict)
    events = _get(fields, "events", list)
    if not all(isinstance(event, str) for event in events):
        raise BadPieceError("events: not a list of ids")
    return Head(
        agent=_get(piece, "agent", str),
        session=_get(fields, "session", str),
        host=_get(piece, "host", str),
        number=_get(piece, "number", int),
        title=_get(piece, "title", str),
        created_us=_time(fields, "created_at"),
        sha256=_get(fields, "sha256", str),
        size=_get(piece, "bytes", int),
        target=_get(_get(fields, "target", dict), "remote", str),
        events=tuple(events),
        next_us=_time(fields, "next_at"),
        wait_us=_wait_us(fields),
        attempts=_get(fields, "attempts", int),
        last_error=_last_error(fields),
        progress=_get(fields, "progress", dict),
        part=_get(piece, "part", str),
    )


def _last_error(fields: dict[str, Any]) -> LastError | None:
    if fields.get("last_error") is None:
        return None
    error = _get(fields, "last_error", dict)
    return LastError(_get(error, "class", str), _get(error, "message", str))


def _get(fields: dict[str, Any], key: str, kind: type[Any]) -> Any:
    value = fields.get(key)
    if type(value) is not kind:  # a bool is an int to isinstance
        raise BadPieceError(f"{key}: missing or invalid")
    return value


def _wait_us(fields: dict[str, Any]) -> int:
    """0 in a file of a version that did not write it."""
    seconds = fields.get("wait_seconds", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise BadPieceError("wait_seconds: not a number")
    return int(min(max(seconds, 0), DAY_US // SECOND_US) * SECOND_US)


def _time(fields: dict[str, Any], key: str) -> int:
    try:
        at_us = to_us(_get(fields, key, str))
    except (ValueError, OverflowError) as error:
        raise BadPieceError(f"{key}: not a time") from error
    if at_us < 0:
        raise BadPieceError(f"{key}: before 1970")
    return at_us


def _body_fields(body: bytes) -> dict[str, str]:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode("ascii")}


def _body(fields: dict[str, Any]) -> bytes:
    if "body" in fields:
        return str(_get(fields, "body", str)).encode()
    try:
        return base64.b64decode(_get(fields, "body_base64", str), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadPieceError("body: missing or invalid") from error
