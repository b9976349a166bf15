"""A small HTTP server on loopback, for the scripted models."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Handler(BaseHTTPRequestHandler):
    """Answers requests: what is asked with GET by `got`, with POST by `posted`."""

    protocol_version = "HTTP/1.1"

    def got(self) -> None:
        """Answer a GET."""
        self.send(b"{}")

    def posted(self, body: dict[str, Any]) -> None:
        """Answer a POST."""
        raise NotImplementedError

    def do_GET(self) -> None:
        self.got()

    def do_HEAD(self) -> None:
        self.send(b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.posted(json.loads(self.rfile.read(length) or b"{}"))

    def send(self, data: bytes, kind: str = "application/json", status: int = 200) -> None:
        """A whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Loopback:
    """The server, as long as the block lasts."""

    def __init__(self, handler: type[Handler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
