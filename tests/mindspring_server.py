"""The MindSpring service on loopback: its contract, its defects, and faults that can be switched.

In a test: `with Server() as server:`. As a process: `python tests/mindspring_server.py --port 0
--state FILE [--token TOKEN]` prints its port; `GET /_seen` then shows what is stored and asked,
`POST /_faults` with {"route", "kind", ...} sets a fault, `DELETE /_faults` ends them all.
"""

import argparse
import json
import re
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mindspring_state import State

WORKSPACE = "/api/v2/workspaces/([^/]+)/notebooks"
ROUTES = [
    ("upload", "POST", r"/api/uploads/simple"),
    ("list_notebooks", "GET", WORKSPACE),
    ("create_notebook", "POST", WORKSPACE),
    ("get_notebook", "GET", WORKSPACE + "/([^/]+)"),
    ("list_sources", "GET", WORKSPACE + "/([^/]+)/sources"),
    ("register", "POST", WORKSPACE + "/([^/]+)/sources"),
    ("source", "GET", WORKSPACE + "/([^/]+)/sources/([^/]+)"),
    ("job", "GET", WORKSPACE + "/([^/]+)/jobs/([^/]+)"),
]
NOTEBOOK_TYPES = {
    "conversation_archive", "dev_docs", "style_guide", "narrative_bible", "workflow_ops",
    "personal_archive", "research",
}  # fmt: skip
SOURCE_TYPES = {"markdown", "txt", "pdf", "url", "chat_export"}
UPLOAD_TYPES = {
    "application/json", "application/octet-stream", "application/x-ndjson", "text/plain"
}  # fmt: skip
OUT_OF_MEMORY = "Error: D1_ERROR: out of memory: SQLITE_NOMEM"
TOKEN = "ms_0123456789abcdef0123456789abcdef"
SCOPES = ("read", "ingest", "admin")


@dataclass
class Fault:
    """What goes wrong on a route (`any`: on all), `times` times or until it is switched off.

    `kind`: `answer` (status, body, headers), `hang`, `reset`, `drop` (do it, close without an
    answer), `after` (do it, then give the faulty answer), `drip` (a byte of the answer every
    `delay`), `drip_headers`, `short` (close in the middle of the body), `flood` (no end).
    """

    route: str = "any"
    kind: str = "answer"
    status: int = 501
    body: str = json.dumps({"error": OUT_OF_MEMORY})
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    times: int = -1
    skip: int = 0  # requests that go well before it begins


@dataclass
class Asked:
    """A request as it came, without its token."""

    method: str
    path: str
    route: str
    headers: dict[str, str]
    body: bytes


class Server:
    """One service. `tokens`: token → scope. `limit`: requests a minute and key, 0 for any."""

    def __init__(
        self, state: Path | None = None, port: int = 0, token: str = TOKEN, limit: int = 0
    ) -> None:
        self.state = State(state)
        self.tokens = {token: "ingest"}
        self.limit = limit
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.over = threading.Event()
        self._windows: Counter[tuple[str, int]] = Counter()
        self._guard = threading.Lock()
        handler = type("Bound", (Handler,), {"service": self})
        self._http = _Threads(("127.0.0.1", port), handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self.port = self._http.server_port

    def __enter__(self) -> "Server":
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._http.shutdown()
        self._http.server_close()

    def serve(self) -> None:
        """In this thread, until it is killed."""
        self._http.serve_forever()

    def fail(self, route: str = "any", kind: str = "answer", **more: Any) -> Fault:
        """Switch a fault on."""
        fault = Fault(route, kind, **more)
        with self._guard:
            self.faults.append(fault)
        return fault

    def heal(self) -> None:
        """Switch all faults off; hanging requests go on hanging."""
        with self._guard:
            self.faults.clear()

    def fault_for(self, route: str) -> Fault | None:
        with self._guard:
            for fault in self.faults:
                if fault.route not in ("any", route) or fault.times == 0:
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                return fault
        return None

    def is_limited(self, key: str) -> bool:
        """Counts in fixed windows of 60 s, over all routes."""
        window = (key[:16], int(time.time() // 60))
        with self._guard:
            self._windows[window] += 1
            return bool(self.limit) and self._windows[window] > self.limit

    def count(self, route: str) -> int:
        """How often it was asked."""
        return sum(asked.route == route for asked in self.asked)

    def titles(self) -> list[str]:
        """Of the notebooks, in the order of their making."""
        return [row["title"] for row in self.state.notebooks.values() if not row["deleted_at"]]

    def hashes(self) -> list[str]:
        """Of the sources, in the order of their making."""
        return [row["content_hash"] for row in self.state.sources.values()]


class _Threads(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients of these tests go away in the middle."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    service: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_DELETE = do_PATCH = do_GET  # noqa: N815 - the names are the library's

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0].rstrip("/")
        if path.startswith("/_"):
            return self._steer(path, body)
        route = ""
        ids: tuple[str, ...] = ()
        for name, method, pattern in ROUTES:
            if method == self.command and (found := re.fullmatch(pattern, path)):
                route, ids = name, tuple(map(unquote, found.groups()))
        headers = {name.lower(): value for name, value in self.headers.items()}
        key = headers.pop("authorization", "").removeprefix("Bearer ")
        self.service.asked.append(Asked(self.command, self.path, route, headers, body))
        fault = self.service.fault_for(route)
        if fault is not None and fault.kind not in ("drop", "after"):
            return self._go_wrong(fault)
        status, answer, more = self._checked(route, ids, key, headers, body)
        if fault is not None:
            return self._go_wrong(fault)
        return self._answer(status, json.dumps(answer).encode(), {**_JSON, **more})

    def _checked(
        self, route: str, ids: tuple[str, ...], key: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        """Key, scope, rate and size, in the service's order; then the work."""
        held = self.service.tokens.get(key)
        if not key:
            return 401, {"error": "Authentication required", "hint": "Bearer"}, {}
        if held is None:
            return 401, {"error": "Invalid API key"}, {}
        need = "ingest" if route == "upload" else "read"
        if SCOPES.index(held) < SCOPES.index(need):
            text = "Insufficient permissions"
            return 403, {"error": text, "required": need, "held": [held]}, {}
        if self.service.is_limited(key):
            wait = 60 - int(time.time()) % 60
            text = "Rate limit exceeded"
            answer = {"error": text, "retryAfter": wait, "limit": self.service.limit}
            return 429, answer, {"Retry-After": str(wait)}
        if refused := _too_large(route, int(headers.get("content-length", 0))):
            return 413, refused, {}
        if not route:
            return 404, {"error": "Not found"}, {}
        return *getattr(self, f"_{route}")(ids, headers, body), {}

    def _upload(self, ids: Any, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        received = headers.get("content-type", "").partition(";")[0]
        if received not in UPLOAD_TYPES:
            text = "Invalid content type"
            return 415, {"error": text, "allowed": sorted(UPLOAD_TYPES), "received": received}
        row = self.service.state.upload(headers.get("x-file-name", ""), body)
        return 202, {"status": "processing", "uploadId": row["id"]}

    def _list_notebooks(self, ids: tuple[str, ...], *_: Any) -> tuple[int, Any]:
        return 200, {"notebooks": self.service.state.listing(ids[0])}

    def _create_notebook(self, ids: tuple[str, ...], _: Any, body: bytes) -> tuple[int, Any]:
        asked = json.loads(body)
        if not asked.get("title"):
            return 400, {"error": "title is required"}
        if asked.get("type") not in NOTEBOOK_TYPES:
            return 400, {"error": "invalid notebook type"}
        return 201, self.service.state.add_notebook(ids[0], asked["title"], asked["type"])

    def _notebook(self, notebook: str) -> dict[str, Any] | None:
        row = self.service.state.notebooks.get(notebook)
        return row if row is not None and row["deleted_at"] is None else None

    def _get_notebook(self, ids: tuple[str, ...], *_: Any) -> tuple[int, Any]:
        row = self._notebook(ids[1])
        if row is None:
            return 404, {"error": "notebook not found"}
        return 200, self.service.state.counted(row)

    def _list_sources(self, ids: tuple[str, ...], *_: Any) -> tuple[int, Any]:
        if self._notebook(ids[1]) is None:
            return 404, {"error": "notebook not found"}
        rows = self.service.state.sources_of(ids[1])
        return 200, {"notebookId": ids[1], "count": len(rows), "sources": rows}

    def _register(self, ids: tuple[str, ...], _: Any, body: bytes) -> tuple[int, Any]:
        asked = json.loads(body)
        if not asked.get("title") or not asked.get("sourceUploadId"):
            return 400, {"error": "title and sourceUploadId are required"}
        if asked.get("type") not in SOURCE_TYPES:
            return 400, {"error": "invalid source type"}
        if not self.service.state.known_upload(asked["sourceUploadId"]):
            return 404, {"error": "source upload not found"}
        return 202, self.service.state.register(ids[0], ids[1], asked)

    def _source(self, ids: tuple[str, ...], *_: Any) -> tuple[int, Any]:
        row = self.service.state.sources.get(ids[2])
        if row is None or row["notebook_id"] != ids[1]:
            return 404, {"error": "source not found"}
        return 200, self.service.state.source(row)

    def _job(self, ids: tuple[str, ...], *_: Any) -> tuple[int, Any]:
        job = self.service.state.jobs.get(ids[2])
        if job is None:
            return 404, {"error": "job not found"}
        status = self.service.state.status(job)
        return 200, {
            "jobId": ids[2], "workspaceId": ids[0], "notebookId": job["notebook_id"],
            "sourceId": job["source_id"], "status": status, "updatedAt": "",
            "errorMessage": "no valid conversations" if status == "failed" else None,
        }  # fmt: skip

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _go_wrong(self, fault: Fault) -> None:
        body = fault.body.encode()
        self.close_connection = True
        if fault.kind == "hang":
            self.service.over.wait(fault.delay or 60)
        elif fault.kind == "reset":
            linger = struct.pack("ii", 1, 0)  # close with RST
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.rfile.close()
            self.connection.close()
        elif fault.kind in ("answer", "after"):
            self.service.over.wait(fault.delay)
            self._answer(fault.status, body, {**_JSON, **fault.headers})
            self.close_connection = False
        elif fault.kind != "drop":
            self._trickle(fault, body)

    def _trickle(self, fault: Fault, body: bytes) -> None:
        """An answer that does not come in one piece."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        length = b"Content-Length: %d\r\n\r\n" % (len(body) * (2 if fault.kind == "short" else 1))
        if fault.kind == "flood":
            self.wfile.write(head + b"Connection: close\r\n\r\n")
            while not self.service.over.is_set():
                self.wfile.write(b" " * 65536)
        slow = head + length + body if fault.kind == "drip_headers" else body
        if fault.kind != "drip_headers":
            self.wfile.write(head + length)
        for byte in slow:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.service.over.wait(fault.delay):
                return

    def _steer(self, path: str, body: bytes) -> None:
        """Faults and insight for another process."""
        service = self.service
        if path == "/_faults" and self.command == "POST":
            service.fail(**json.loads(body))
        elif path == "/_faults":
            service.heal()
        elif path == "/_state" and self.command == "POST":
            for name, value in json.loads(body).items():
                setattr(service.state, name, value)
        with service.state.guard:
            seen = {
                "notebooks": list(service.state.notebooks.values()),
                "uploads": list(service.state.uploads.values()),
                "sources": list(service.state.sources.values()),
                "faults": [asdict(fault) for fault in service.faults],
                "asked": dict(Counter(asked.route for asked in service.asked)),
            }
        self._answer(200, json.dumps(seen).encode(), _JSON)


_JSON = {"Content-Type": "application/json"}


def _too_large(route: str, length: int) -> dict[str, Any] | None:
    if route == "upload" and length > 5 * 2**20:
        return {"error": "File too large for simple upload. Use multipart."}
    if route != "upload" and length > 10 * 2**20:
        text = "Request body too large"
        return {"error": text, "maxBytes": 10 * 2**20, "receivedBytes": length}
    return None


def main() -> None:
    """Serve until killed; the port is the first line of the output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state", type=Path)
    parser.add_argument("--token", default=TOKEN)
    chosen = parser.parse_args()
    server = Server(chosen.state, chosen.port, chosen.token)
    print(server.port, flush=True)
    server.serve()


if __name__ == "__main__":
    main()
