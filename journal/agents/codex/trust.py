"""Which of our hooks Codex trusts, and trusting them, both by Codex itself.

`codex app-server` over stdio, JSON lines, as its own terminal program does it (0.171.0):
`hooks/list` says the hash and the state of each hook, `config/batchWrite` notes a hash as trusted,
or removes what it noted. Only Codex knows how the hash is made.
"""

import contextlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from journal.agents.contract import HookTrust
from journal.errors import JournalError

SECONDS = 20.0  # for one conversation with the server
_TRUSTED = "trusted"
_BY_HAND = "start codex and choose: Trust all and continue"


def look(environ: Mapping[str, str]) -> list[HookTrust]:
    """The hooks of this user's hooks.json as Codex sees them.

    JournalError: Codex is not there, or does not answer.
    """
    with _server(environ) as server:
        return _listed(server)


def grant(environ: Mapping[str, str], hooks: list[HookTrust]) -> None:
    """Trust these hooks. JournalError: Codex is not there, or refuses."""
    state = {hook.key: {"trusted_hash": hook.digest} for hook in hooks}
    edit = {"keyPath": "hooks.state", "mergeStrategy": "upsert", "value": state}
    _change(environ, [edit])


def withdraw(environ: Mapping[str, str], hooks: list[HookTrust]) -> None:
    """Forget that these hooks were trusted. Errors as for `grant`."""
    paths = [f"hooks.state.{json.dumps(hook.key)}" for hook in hooks]
    _change(environ, [{"keyPath": p, "mergeStrategy": "replace", "value": None} for p in paths])


def _change(environ: Mapping[str, str], edits: list[dict[str, Any]]) -> None:
    with _server(environ) as server:
        server.ask("config/batchWrite", {"edits": edits})


class _Server:
    """A running `codex app-server`."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._last = 0

    def ask(self, method: str, params: Mapping[str, Any]) -> Any:
        """One request, and its result."""
        self._last += 1
        self.tell({"id": self._last, "method": method, "params": params})
        for line in self._process.stdout or ():
            try:
                answer = json.loads(line)
            except ValueError:
                continue
            if isinstance(answer, dict) and answer.get("id") == self._last:
                if "error" in answer:
                    raise JournalError(f"codex refuses {method}: {_message(answer)}", _BY_HAND)
                return answer.get("result")
        raise JournalError(f"codex app-server did not answer {method}", _BY_HAND)

    def tell(self, message: Mapping[str, Any]) -> None:
        """Something that has no answer."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # no answer says so
                self._process.stdin.write(json.dumps(message) + "\n")
                self._process.stdin.flush()


@contextlib.contextmanager
def _server(environ: Mapping[str, str]) -> Iterator[_Server]:
    program = shutil.which("codex", path=environ.get("PATH", os.defpath))
    if program is None:
        raise JournalError("codex is not on the PATH", _BY_HAND)
    try:
        process = subprocess.Popen(
            [program, "app-server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as error:
        raise JournalError(f"cannot run {program}: {error.strerror}", _BY_HAND) from error
    timer = threading.Timer(SECONDS, process.kill)
    timer.start()
    try:
        server = _Server(process)
        server.ask("initialize", {"clientInfo": {"name": "agent-journal", "version": "1"}})
        server.tell({"method": "initialized"})
        yield server
    finally:
        timer.cancel()
        process.kill()
        process.communicate()


def _listed(server: _Server) -> list[HookTrust]:
    answer = server.ask("hooks/list", {"cwds": [str(Path.home())]})
    try:
        found = answer["data"][0]["hooks"]
        return [
            HookTrust(
                key=hook["key"],
                command=hook.get("command") or "",
                digest=hook["currentHash"],
                is_trusted=hook["trustStatus"] == _TRUSTED,
            )
            for hook in found
        ]
    except (KeyError, IndexError, TypeError) as error:
        message = "codex app-server answers hooks/list in a form that is not known"
        raise JournalError(message, _BY_HAND) from error


def _message(answer: Mapping[str, Any]) -> str:
    error = answer["error"]
    return str(error.get("message", error)) if isinstance(error, dict) else str(error)
