"""What the answers of a server mean: JSON that can be used, or an error with its class."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson

from journal.printable import one_line
from journal.redaction.messages import redacted
from journal.settings.sections import plain
from journal.times import to_datetime
from sync.remote.contract import RemoteError, Then
from sync.remote.exchange import Reply

SHOWN_CHARS = 120  # of a text from the remote
LONGEST_WAIT_SECONDS = 3600.0  # even if a server asks for more
_MEMORY = re.compile(r"NOMEM|out of memory", re.IGNORECASE)
_DATABASE = re.compile(r"D1_|SQLITE|database|no such (?:table|column)", re.IGNORECASE)
_MARKUP = re.compile(r"\s*<(?:!doctype|html|\?xml)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a server. `path` begins with a slash and is percent-encoded."""

    method: str
    path: str
    body: bytes = b""
    content_type: str = "application/json"
    file_name: str = ""  # ASCII
    max_bytes: int = 1 << 20  # of the answer
    creates: bool = False  # sent twice, it makes two of something
    refused: Then = Then.PAUSE  # what follows when the body is too large or not accepted

    @classmethod
    def of_json(
        cls, path: str, value: Mapping[str, Any], *, refused: Then = Then.PAUSE
    ) -> "Request":
        """A POST of a JSON object that makes something new."""
        return cls("POST", path, orjson.dumps(value), creates=True, refused=refused)


class Answers:
    """Judges what comes back. Texts it shows are one line, short, and without the `secret`."""

    def __init__(self, secret: str, now_us: Callable[[], int]) -> None:
        self._secret = re.compile(re.escape(secret) or r"(?!)", re.IGNORECASE)
        self._now_us = now_us

    def shown(self, text: str) -> str:
        """A text from outside, as people may see it."""
        if _MARKUP.match(text):
            return "a page in HTML"
        return plain(one_line(redacted(self._secret.sub("[token]", text))), SHOWN_CHARS)

    def json(self, request: Request, reply: Reply) -> dict[str, Any]:
        """The JSON object of a successful answer. RemoteError: it is none, or no success.

        What the header says of the content's type is not looked at: proxies get it wrong.
        """
        if not 200 <= reply.status <= 299:
            raise self._refusal(request, reply)
        if not reply.whole:
            raise garbage(request, f"answered with more than {request.max_bytes} bytes")
        try:
            answer = orjson.loads(reply.body)
        except orjson.JSONDecodeError as error:
            text = self.shown(reply.body[:1000].decode("utf-8", "replace"))
            raise garbage(request, f"answered without JSON: {text or 'nothing'}") from error
        if not isinstance(answer, dict):
            raise garbage(request, "answered with JSON that is not an object")
        return answer

    def _refusal(self, request: Request, reply: Reply) -> RemoteError:
        status, text = reply.status, self._text(reply)
        if status <= 399:
            return self._redirect(request, reply)
        if status >= 500:
            return self._server_error(request, reply, text)
        kind, then = _KINDS.get(status, ("refused", Then.PAUSE))
        if status in (400, 413, 415, 422):
            then = request.refused
        return RemoteError(
            kind, f"HTTP {status}: {text}", then,
            ambiguous=request.creates and status == 408, retry_after_seconds=self._wait(reply),
            counts=then is not Then.SPLIT,
        )  # fmt: skip

    def _redirect(self, request: Request, reply: Reply) -> RemoteError:
        try:
            host = httpx.URL(reply.headers.get("location", "")).host
        except httpx.InvalidURL:
            host = ""
        place = self.shown(host) or "itself"
        message = f"HTTP {reply.status}: redirected to {place}, which is not followed"
        return RemoteError("redirect", message, Then.RETRY, ambiguous=request.creates)

    def _server_error(self, request: Request, reply: Reply, text: str) -> RemoteError:
        whole = reply.body.decode("utf-8", "replace")
        kind, message, words = "server_error", f"HTTP {reply.status}: {text}", ""
        if _MEMORY.search(whole):
            kind, words, message = "out_of_memory", message, "remote database out of memory"
        elif reply.status == 501 or _DATABASE.search(whole):
            kind, message = "database_error", f"remote database failed: {text}"
            words = f"HTTP {reply.status}"
        error = RemoteError(
            kind, message, Then.RETRY,
            ambiguous=request.creates, retry_after_seconds=self._wait(reply),
        )  # fmt: skip
        error.words = words
        return error

    def _text(self, reply: Reply) -> str:
        """What an error says of itself: its `error` field, else the body."""
        text = reply.body.decode("utf-8", "replace")
        try:
            answer = orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            answer = None
        if isinstance(answer, dict) and isinstance(answer.get("error"), str):
            text = answer["error"]
        return self.shown(text) or "without a text"

    def _wait(self, reply: Reply) -> float | None:
        """`Retry-After` (RFC 9110, 10.2.3): seconds or a date; bounded."""
        text = reply.headers.get("retry-after", "").strip()
        if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text):
            return min(float(text), LONGEST_WAIT_SECONDS)
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - to_datetime(self._now_us())).total_seconds()
        return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)


def garbage(request: Request, message: str) -> RemoteError:
    """An answer that cannot be what was asked for."""
    return RemoteError("garbage", message, Then.RETRY, ambiguous=request.creates)


def identifier(request: Request, value: object, name: str) -> str:
    """`value` if it can be an id and a part of a path. RemoteError `garbage`: it cannot."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_:~-][A-Za-z0-9_.:~-]{0,199}", value):
        return value
    raise garbage(request, f"answered without a usable {name}")


def rows(request: Request, answer: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The list of objects under `name`, each with an id. RemoteError `garbage`: it is not one.

    All or nothing: of a list that is partly wrong it cannot be said what is missing.
    """
    found = answer.get(name)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise garbage(request, f"answered without a list of {name}")
    for row in found:
        identifier(request, row.get("id"), f"id in the list of {name}")
    return found


_KINDS = {
    400: ("refused", Then.PAUSE),
    401: ("auth", Then.PAUSE),
    403: ("forbidden", Then.PAUSE),
    404: ("not_found", Then.PAUSE),
    407: ("auth", Then.PAUSE),
    408: ("timeout", Then.RETRY),
    413: ("too_large", Then.PAUSE),
    415: ("refused", Then.PAUSE),
    425: ("server_error", Then.RETRY),
    429: ("rate_limited", Then.RETRY),
}
