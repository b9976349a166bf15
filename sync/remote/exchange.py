"""One request and its answer in a thread of its own, which is waited for no longer than agreed.

httpx bounds each read and write, not their sum, and the look-up of a name not at all: an answer
of one byte a second, headers included, would be read for ever. So the caller waits for the thread
with a clock; when the time is over it shuts the connection, and the thread sends nothing more.
"""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with its body, `whole` or the beginning of it."""

    status: int
    headers: httpx.Headers
    body: bytes
    whole: bool


class LateError(Exception):
    """The time was over first."""


class _OverError(Exception):
    """The caller has stopped waiting: nothing may be sent."""


class Line:
    """The connection that a client uses, as far as it is known; one at a time."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def opened(self, stream: Any) -> None:
        """`stream`: httpcore's network stream, a new one after the start of TLS."""
        self._socket = stream.get_extra_info("socket")

    def close_now(self) -> None:
        """End every read and write on it, in any thread."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # closed already
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Exchange:
    """One request. `sent`: the remote may have seen the beginning of it.

    A client whose exchange was late must not be used again; the exchange closes it.
    """

    def __init__(self, client: httpx.Client, request: httpx.Request, line: Line) -> None:
        self.sent = False
        self._client = client
        self._request = request
        self._line = line
        self._max_bytes = 0
        self._guard = threading.Lock()
        self._over = False
        self._begun = threading.Event()  # to be sent, or ended before that
        self._done = threading.Event()
        self._result: Reply | Exception = LateError()
        request.extensions["trace"] = self._trace  # www.python-httpx.org/advanced/extensions

    def wait(self, connect_seconds: float, seconds: float, max_bytes: int) -> Reply:
        """The answer, its body cut at `max_bytes`.

        LateError: no connection within `connect_seconds`, or no whole answer within `seconds`.
        Otherwise raises what httpx raises.
        """
        self._max_bytes = max_bytes
        until = time.monotonic() + seconds
        threading.Thread(target=self._run, name="remote", daemon=True).start()
        try:
            if self._begun.wait(min(connect_seconds, seconds)):
                self._done.wait(max(0.0, until - time.monotonic()))
        finally:
            self._leave()
        if isinstance(self._result, Exception):
            raise self._result
        return self._result

    def _leave(self) -> None:
        with self._guard:
            if self._done.is_set():
                return
            self._over = True
        self._line.close_now()

    def _run(self) -> None:
        result: Reply | Exception
        try:
            result = self._reply()
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
            result = error
        with self._guard:
            if not self._over:
                self._result = result
            self._done.set()
            self._begun.set()
        if self._over:
            self._client.close()

    def _reply(self) -> Reply:
        response = self._client.send(self._request, stream=True)
        with contextlib.closing(response):
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > self._max_bytes:
                    break
        whole = len(body) <= self._max_bytes
        return Reply(response.status_code, response.headers, bytes(body[: self._max_bytes]), whole)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        """What httpcore does, as it does it; raising here stops it."""
        _, _, step = event.partition(".")
        if step in ("connect_tcp.complete", "start_tls.complete"):
            self._connected(info["return_value"])
        elif step == "send_request_headers.started" and info["request"].method != b"CONNECT":
            self._send()

    def _connected(self, stream: Any) -> None:
        with self._guard:
            self._line.opened(stream)
            if self._over:
                stream.close()  # httpcore has not kept it yet
                raise _OverError

    def _send(self) -> None:
        with self._guard:
            if self._over:
                raise _OverError
            self.sent = True
            self._begun.set()
