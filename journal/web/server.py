"""Serves the pages until Ctrl-C."""

import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import click
import uvicorn

from journal.cli.app import App
from journal.errors import JournalError
from journal.web.app import build
from journal.web.pages import warm_up
from journal.web.security import Access
from journal.web.site import Site

if TYPE_CHECKING:
    from journal.doctor import Finding

HOST = "127.0.0.1"
PORT = 7878
_BACKLOG = 64
_LAST_SECONDS = 1  # for answers that are under way when it ends


def serve(
    app: App, port: int | None, open_browser: bool, checks: "Callable[[], list[Finding]]"
) -> None:
    """Print the address and serve it. JournalError: the port is in use.

    Without a `port` it is PORT, or any free one if that is in use.
    """
    listening = _listen(port)
    access = Access.new(listening.getsockname()[1])
    site = Site(app, access, checks)
    warm_up(site)
    config = uvicorn.Config(
        build(site),
        log_config=None,
        log_level="error" if os.environ.get("JOURNAL_DEBUG") else "critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=_LAST_SECONDS,
    )
    server = _Server(config, lambda: _ready(access, open_browser), site.live.let_go)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


class _Server(uvicorn.Server):
    """Says when it answers, and ends open requests when it has to stop."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], ending: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ready, self._ending = ready, ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does; then the address is printed."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does, which waits for open streams."""
        self._ending()
        await super().shutdown(sockets)


def _listen(port: int | None) -> socket.socket:
    for wanted in (PORT, 0) if port is None else (port,):
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((HOST, wanted))
            made.listen(_BACKLOG)
        except OSError as error:
            made.close()
            if port is None and wanted:
                continue
            hint = "choose another one: journal web --port 8080"
            raise JournalError(f"port {wanted} cannot be used: {error.strerror}", hint) from error
        return made
    raise JournalError("no port is free", "close another program and try again")


def _ready(access: Access, open_browser: bool) -> None:
    click.echo(f"{access.address}")
    sys.stdout.flush()
    if open_browser:  # in a thread: some browsers return when they are closed
        threading.Thread(target=webbrowser.open, args=(access.address,), daemon=True).start()
