"""Who is answered: a browser that has exchanged the token for the cookie, asking this very server.

Cookies know no ports, so the name of the cookie is this server's own, and a page of another port on
this machine is turned away by `Sec-Fetch-Site` and `Origin` (Fetch Metadata, W3C). `Host` is
compared against DNS names that lead to 127.0.0.1 (rebinding).
"""

import secrets
from collections.abc import Iterable
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = ("GET", "HEAD")
_HERE = ("same-origin", "none")  # the page itself, or the person (a typed address, a link outside)
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Access(NamedTuple):
    """What one run of the server lets in. The token and the cookie are new at each start."""

    port: int
    token: str
    cookie: str

    @classmethod
    def new(cls, port: int) -> "Access":
        """Secrets of 256 bits."""
        return cls(port, secrets.token_urlsafe(32), secrets.token_urlsafe(32))

    @property
    def host(self) -> str:
        """What requests must have in `Host`."""
        return f"127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """What the person opens."""
        return f"http://{self.host}/?token={self.token}"

    @property
    def cookie_name(self) -> str:
        """No other server on this machine has the same."""
        return "journal-" + sha256(self.cookie.encode()).hexdigest()[:12]


class Guard:
    """ASGI middleware: answers 403 to strangers, and puts the headers on every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # no WebSocket is served

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        answer = self._refusal(scope)
        if answer is not None:
            await answer(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer that needs no page; None: let it in."""
        headers = [(name.decode("latin-1"), v.decode("latin-1")) for name, v in scope["headers"]]
        if _only(headers, "host") != self._access.host:
            return _forbidden()
        origin = _only(headers, "origin")
        if origin not in (None, f"http://{self._access.host}"):
            return _forbidden()
        if _only(headers, "sec-fetch-site") not in (None, *_HERE):
            return _forbidden()
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        tokens = [value for name, value in query if name == "token"]
        if tokens:
            return self._exchange(scope, query, tokens)
        if not self._has_cookie(headers):
            return _forbidden()
        if scope["method"] not in METHODS:
            return PlainTextResponse("405 only GET\n", 405, {"Allow": ", ".join(METHODS)})
        return None

    def _exchange(self, scope: Scope, query: list[tuple[str, str]], tokens: list[str]) -> Response:
        """The cookie for the token, at an address without it."""
        right = all(_equal(token, self._access.token) for token in tokens)
        if not right or scope["method"] not in METHODS:
            return _forbidden()
        rest = urlencode([(name, value) for name, value in query if name != "token"])
        path = "/" + quote(scope["path"].lstrip("/\\"))  # never `//host`
        answer = RedirectResponse(f"{path}?{rest}" if rest else path, 303)
        access = self._access
        answer.set_cookie(
            access.cookie_name, access.cookie, path="/", httponly=True, samesite="strict"
        )
        return answer

    def _has_cookie(self, headers: Iterable[tuple[str, str]]) -> bool:
        for name, value in headers:
            if name != "cookie":
                continue
            try:
                found = SimpleCookie(value).get(self._access.cookie_name)
            except CookieError:
                continue
            if found is not None and _equal(found.value, self._access.cookie):
                return True
        return False


def _only(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """The value of a header; several are joined, and so equal nothing."""
    found = [value for key, value in headers if key == name]
    return ",".join(found) if found else None


def _equal(given: str, right: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "replace"), right.encode())


def _forbidden() -> Response:
    return PlainTextResponse("403 Forbidden\n", 403)
