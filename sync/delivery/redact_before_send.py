"""Pieces are redacted once more before they leave: by the rules of the moment they are sent.

What a piece was cut from was redacted, and it was redacted again when it was cut. But it may wait
for a week: the rules change meanwhile, or a person puts a file into `retry/`. Pure: no file
is touched here, see `put` for the one that is.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

import orjson

from journal.record import record
from journal.record.record import BadLineError, Record
from journal.redaction.redactor import Redactor
from sync.delivery import retry_queue
from sync.delivery.retry_format import Waiting
from sync.remote.contract import with_other_bytes


class UncleanError(ValueError):
    """Why a piece holds what must not leave, and cannot be redacted and stay a piece."""


def cleaned(piece: Waiting, redactor: Redactor) -> Waiting:
    """The piece as it may be sent: the same object if the rules find nothing. UncleanError."""
    return _with(piece, _body(piece.body, redactor), redactor)


def redacted_piece(piece: Waiting, redactor: Redactor) -> Waiting:
    """The piece with its body redacted as text: nothing that anybody should be sent, but safe."""
    text = piece.body.decode("utf-8", "surrogateescape")
    body = redactor.text(text).encode("utf-8", "surrogateescape")
    return _with(piece, body, redactor)


def put(path: Path, before: Waiting, piece: Waiting, dead: Path) -> Path:
    """Put a cleaned piece in the place of its retry file; its path, which its bytes decide.

    The new file first: killed in between, both are one piece of which one goes before it is sent.
    """
    if piece.head.name == before.head.name:
        retry_queue.update(path, piece)
        return path
    made = retry_queue.write_new(path.parent, piece)
    retry_queue.remove(path, dead)
    return made


def _with(piece: Waiting, body: bytes, redactor: Redactor) -> Waiting:
    head, error = piece.head, piece.head.last_error
    title = redactor.text(head.title)
    if error is not None and (message := redactor.text(error.message)) != error.message:
        head = replace(head, last_error=replace(error, message=message))
    if title != head.title:
        head = replace(head, title=title)
    if body == piece.body:
        return piece if head is piece.head else replace(piece, head=head)
    progress = head.progress
    if head.attempts or progress:  # the remote may have the bytes that it was tried with
        progress = with_other_bytes(progress, head.sha256)
    sha256 = hashlib.sha256(body).hexdigest()
    return Waiting(replace(head, sha256=sha256, size=len(body), progress=progress), body)


def _body(body: bytes, redactor: Redactor) -> bytes:
    if not redactor.may_hold_secret(body):
        return body
    if (records := _records(body)) is not None:
        return b"".join(_record(line, made, redactor) for line, made in records)
    if _is_json(body):
        return redactor.json(body)
    text = body.decode("utf-8", "surrogateescape")
    if redactor.text(text) != text:
        raise UncleanError("it holds a secret, and is neither JSON nor records to be redacted")
    return body


def _records(body: bytes) -> list[tuple[bytes, Record]] | None:
    """The records that a piece consists of, with their lines; None: it holds something else."""
    *lines, rest = body.split(b"\n")
    try:
        found = [(line, record.parse(line)) for line in lines]
        for _, made in found:
            record.load_body(made.body)
    except BadLineError:
        return None
    return None if rest else found


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def _record(line: bytes, made: Record, redactor: Redactor) -> bytes:
    """One line. Whose it is, and when, is never redacted: else it would not be a record"""
    body = redactor.json(made.body)
    origin = orjson.dumps(made.origin)
    clean = redactor.json(origin)
    if (body, clean) == (made.body, origin):
        return line + b"\n"
    return record.dump(made._replace(body=body, origin=orjson.loads(clean)))
