"""The one place that speaks HTTP: each request is bounded in time and size, each end classified.

Redirects are not followed: the token would go with them. Proxies and certificates are taken from
the environment (HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE), as users behind a proxy expect.
A request with a body always says its length; the length of an answer is never believed.
"""

import re
import time
from typing import Any

import httpx

from journal import __version__
from journal.printable import one_line
from journal.verbose import step
from sync.remote.answers import Answers, Request
from sync.remote.contract import RemoteError, Then
from sync.remote.exchange import Exchange, LateError, Line, Reply

_ERROR_BYTES = 1 << 16  # of an error's body; more than that says nothing more


class Budget:
    """The time that is left for several requests together."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds; below 0 when it is over."""
        return self._until - time.monotonic()


class Http:
    """A server that speaks JSON, reached with a bearer token. For one thread.

    `base_url`: http or https with a host and perhaps a path. RemoteError `settings` or `no_token`,
    both a pause: the address or the token cannot be one.
    """

    def __init__(
        self, base_url: str, token: str, answers: Answers, connect_seconds: float,
        timeout_seconds: float,
    ) -> None:  # fmt: skip
        if not re.fullmatch(r"[\x21-\x7e]{1,8192}", token):
            message = "the token is empty or contains a character that is not allowed"
            raise RemoteError("no_token", message, Then.PAUSE)
        self.base = address(base_url)
        self.host = httpx.URL(self.base).netloc.decode("ascii")
        self._token = token
        self._answers = answers
        self._connect_seconds = connect_seconds
        self._timeout_seconds = timeout_seconds
        self._client: httpx.Client | None = None
        self._line = Line()

    def __repr__(self) -> str:
        return f"Http({self.host})"

    def json(self, request: Request, budget: Budget) -> dict[str, Any]:
        """The JSON object that the server answers with.

        RemoteError: everything else. `ambiguous` only for a request that creates something.
        """
        seconds = min(self._timeout_seconds, budget.left())
        if not self.enough(budget):
            message = "no time is left for a request in this pass"
            raise RemoteError("out_of_time", message, Then.RETRY, counts=False)
        client = self._connected()
        exchange = Exchange(client, self._built(client, request, seconds), self._line)
        limit = max(request.max_bytes, _ERROR_BYTES)
        began = time.monotonic()
        what = one_line(f"{request.method} {self.base}{request.path}")
        step(f"{what}, {len(request.body):,} bytes, at most {seconds:.1f} s")
        try:
            reply = self._reply(exchange, request, seconds, limit)
            step(f"HTTP {reply.status}, {len(reply.body):,} bytes")
            return self._answers.json(request, reply)
        except RemoteError as error:
            error.request = what
            error.seconds = time.monotonic() - began
            raise

    def _reply(self, exchange: Exchange, request: Request, seconds: float, limit: int) -> Reply:
        try:
            return exchange.wait(self._connect_seconds, seconds, limit)
        except LateError as error:
            self._client = None  # closed by the exchange
            raise self._late(request, exchange.sent, seconds) from error
        except (httpx.HTTPError, OSError, UnicodeError) as error:
            raise self._broken(request, exchange.sent, seconds, error) from error

    def enough(self, budget: Budget) -> bool:
        """Whether a request may begin: one cut off early would only make things unclear."""
        return budget.left() >= min(1.0, self._timeout_seconds / 2)

    def close(self) -> None:
        """Give up the connection; the next request makes a new one."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> httpx.Client:
        if self._client is not None:
            return self._client
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # what is not packed cannot grow while it is read
            "User-Agent": f"agent-journal/{__version__}",
        }
        try:
            self._client = httpx.Client(headers=headers, limits=httpx.Limits(max_connections=1))
        except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
            message = "HTTPS_PROXY, ALL_PROXY or SSL_CERT_FILE has a value that cannot be used"
            raise RemoteError("settings", message, Then.PAUSE) from error
        self._line = Line()
        return self._client

    def _built(self, client: httpx.Client, request: Request, seconds: float) -> httpx.Request:
        headers = {"Content-Type": request.content_type} if request.body else {}
        if request.file_name:
            headers["X-File-Name"] = request.file_name
        timeout = httpx.Timeout(seconds, connect=min(self._connect_seconds, seconds))
        return client.build_request(
            request.method,
            self.base + request.path,
            content=request.body or None,
            headers=headers,
            timeout=timeout,
        )

    def _late(self, request: Request, sent: bool, seconds: float) -> RemoteError:
        """Not the remote's fault if the pass had less time than a request may take."""
        whole = seconds >= self._timeout_seconds
        if not sent:
            shortest = min(self._connect_seconds, seconds)
            message = f"no connection to {self.host} within {shortest:.3g} s"
            return RemoteError("timeout", message, Then.RETRY, counts=whole)
        message = f"{self.host} did not answer within {seconds:.3g} s"
        return RemoteError("timeout", message, Then.RETRY, ambiguous=request.creates, counts=whole)

    def _broken(
        self, request: Request, sent: bool, seconds: float, error: Exception
    ) -> RemoteError:
        if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
            return RemoteError("settings", "the request cannot be sent", Then.PAUSE)
        ambiguous = sent and request.creates
        if isinstance(error, httpx.TimeoutException):
            return self._late(request, sent, seconds)
        reason = self._answers.shown(str(error)) or type(error).__name__
        if not sent:
            message = f"cannot reach {self.host}: {reason}"
            return RemoteError("unreachable", message, Then.RETRY)
        if isinstance(error, httpx.DecodingError):
            return RemoteError("garbage", reason, Then.RETRY, ambiguous=ambiguous)
        message = f"the connection to {self.host} was lost: {reason}"
        return RemoteError("dropped", message, Then.RETRY, ambiguous=ambiguous)


def address(url: str) -> str:
    """A server's address without a slash at its end. RemoteError `settings`: it cannot be one.

    Not with a user name, a password, a query or a fragment: they would show in error texts.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise RemoteError("settings", "[remote] url is not an address", Then.PAUSE) from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        message = "[remote] url must start with https:// or http:// and name a host"
        raise RemoteError("settings", message, Then.PAUSE)
    if parsed.userinfo or parsed.query or parsed.fragment:
        message = "[remote] url must not contain a user name, password, query or fragment"
        raise RemoteError("settings", message, Then.PAUSE)
    return str(parsed).rstrip("/")
