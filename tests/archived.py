"""Homes with turns in them, commands run on them, and what has arrived at a remote.

A command is `python -m journal --home X ...`; `Commands` forks it from a warm process that has
loaded its modules, so that tests run hundreds of them, let one die at a counted moment (see
killed_pass), or let its clock be ahead.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import recordings
from killed_pass import Moments
from mindspring_server import TOKEN
from mindspring_state import State

from hooks import emit

AGENT = "claude-code"
VARIABLE = "ARCHIVE_TOKEN"
ENVIRON = {"CLAUDE_CODE_ENTRYPOINT": "cli"}


class Done(NamedTuple):
    """How a command ended."""

    code: int  # below 0: by that signal
    stdout: str
    stderr: str
    seconds: float

    @property
    def json(self) -> Any:
        """Its output as one JSON object."""
        return json.loads(self.stdout)


class Commands:
    """The warm process, as its user sees it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="commands-"))
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def run(
        self,
        home: Path,
        *args: str,
        dies_at: int = 0,
        dies_after_seconds: float = 0,
        ahead_seconds: float = 0,
        token: str = TOKEN,
    ) -> Done:
        """One command. It may kill itself at a moment, or be killed after a time; 0 for never."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        environ = {**os.environ, VARIABLE: token}
        outputs = [str(self._folder / name) for name in ("stdout", "stderr")]
        ends = [dies_at, dies_after_seconds, ahead_seconds]
        order = [["--home", str(home), *args], environ, ends, outputs]
        began = time.monotonic()
        self._server.stdin.write(json.dumps(order).encode() + b"\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        seconds = time.monotonic() - began
        out, err = (Path(path).read_text() for path in outputs)
        assert "Traceback" not in err, err
        assert "unexpected" not in err, err
        return Done(code, out, err, seconds)

    def close(self) -> None:
        """End the process."""
        for stream in (self._server.stdin, self._server.stdout):
            if stream is not None:
                stream.close()
        self._server.wait()
        shutil.rmtree(self._folder)


def spawned(home: Path, *args: str, token: str = TOKEN) -> Done:
    """The same as a process of its own from the start, as people run it."""
    command = [sys.executable, "-m", "journal", "--home", str(home), *args]
    began = time.monotonic()
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, VARIABLE: token}
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


def config(kind: str, place: str, remote: str = "", rest: str = "") -> str:
    """Settings with a quick remote; `remote` and `rest` are lines of more."""
    where = f'path = "{place}"' if kind == "folder" else f'url = "{place}"\nworkspace = "w"'
    return f"""
[remote]
kind = "{kind}"
{where}
token_env = "{VARIABLE}"
{remote}
[retry]
first_seconds = 0.02
max_seconds = 0.05
[watch]
settle_ms = 5
scan_seconds = 0.2
{rest}
"""


QUICK = "connect_timeout_seconds = 0.5\ntimeout_seconds = 0.5\nmin_interval_seconds = 0"


@dataclass
class Told:
    """What was said and done in a home's sessions: each text is to arrive exactly once."""

    home: Path
    texts: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)  # of all records of adopted sessions
    made: int = 0

    def say(
        self, session: str, event: str, payload: dict[str, Any], late_seconds: float = 0
    ) -> None:
        """One record, as the hook writes it; `late_seconds`: how long ago it was made."""
        now_ns = time.time_ns() - int(late_seconds * 1e9)
        payload = {"session_id": session, "cwd": "/code/x", **payload}
        environ = {**ENVIRON, "CLAUDE_CODE_SESSION_ID": session}
        data = json.dumps(payload).encode()
        line, _, unique = emit.record(AGENT, event, data, now_ns, environ)
        name = emit.file_name(AGENT, session)
        recordings.append(self.home / "days" / emit.utc(now_ns)[:10] / f"{name}.jsonl", line)
        self.ids.append(unique)

    def turn(self, session: str, late_seconds: float = 0, more: str = "", calls: int = 1) -> None:
        """A prompt, tool calls, an answer."""
        self.made += 1
        prompt, answer = f"please do {self.made}{more}", f"it is done {self.made}{more}"
        self.say(session, "UserPromptSubmit", {"prompt": prompt}, late_seconds)
        for number in range(calls):
            call = {
                "tool_name": "Edit",
                "tool_use_id": f"call-{self.made}-{number}",
                "tool_input": {"file_path": f"/code/x/{self.made}.py"},
            }
            self.say(session, "PostToolUse", {**call, "tool_response": "ok"}, late_seconds)
        self.say(session, "Stop", {"last_assistant_message": answer}, late_seconds)
        self.texts += [prompt, answer]

    def end(self, session: str) -> None:
        """The session's end."""
        self.say(session, "SessionEnd", {"reason": "other"})


def retry_files(home: Path) -> list[Path]:
    """What lies in `retry/`, but for what killed writers have left."""
    return sorted(path for path in (home / "retry").glob("*") if path.name[0] != ".")


def heads(home: Path) -> list[dict[str, Any]]:
    """The retry files as JSON, oldest first."""
    return [json.loads(path.read_bytes()) for path in retry_files(home)]


def threads(state: State) -> list[Any]:
    """The threads of all sources of a service; fails if one is no archive."""
    with state.guard:
        bodies = [json.loads(state.body(source)) for source in state.sources.values()]
    assert all(len(body) == 1 for body in bodies)
    return [body[0] for body in bodies]


def said(state: State) -> list[str]:
    """Every text that has arrived at a service, but for what pieces say of their session."""
    found = (message for thread in threads(state) for message in thread["messages"])
    return [m["content"]["parts"][0] for m in found if m["id"] != "about"]


def assert_arrived(state: State, told: Told) -> None:
    """Each prompt and answer once, no piece twice, one notebook of each title."""
    counted = Counter(said(state))
    wrong = {text: counted[text] for text in told.texts if counted[text] != 1}
    assert not wrong, (
        f"{len(wrong)} of {len(told.texts)} not exactly once: {list(wrong.items())[:5]}"
    )
    names = Counter(thread["id"] for thread in threads(state))
    assert set(names.values()) <= {1}, names.most_common(3)
    hashes = Counter(row["content_hash"] for row in state.sources.values())
    assert set(hashes.values()) <= {1}, hashes.most_common(3)
    titles = Counter(row["title"] for row in state.notebooks.values())
    assert set(titles.values()) <= {1}, titles


def assert_in_folder(folder: Path, told: Told) -> None:
    """Each record once, in whole lines."""
    lines = [line for path in folder.rglob("*.jsonl") for line in path.read_bytes().splitlines()]
    records = [json.loads(line) for line in lines]
    counted = Counter(one["id"] for one in records if one["agent"] != "journal")
    wrong = {one: counted[one] for one in told.ids if counted[one] != 1}
    assert not wrong, f"{len(wrong)} of {len(told.ids)} not once: {list(wrong.items())[:5]}"
    assert counted.keys() == set(told.ids)
    payloads = json.dumps([one["payload"] for one in records])
    assert all(payloads.count(json.dumps(text)) == 1 for text in told.texts)


def _serve() -> None:
    """Run the commands that come in, each in a fork of this process."""
    import sync.remote.folder
    import sync.remote.mindspring  # noqa: F401  loaded before the forks, as the next ones are
    from journal.cli import replay, show, status, watch  # noqa: F401
    from journal.cli import sync as command  # noqa: F401
    from sync import archive, condition, outside, search  # noqa: F401

    for line in sys.stdin.buffer:
        args, environ, (dies_at, dies_after_seconds, ahead_seconds), outputs = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(args, environ, dies_at, ahead_seconds, outputs)
        if dies_after_seconds:
            _kill_after(pid, dies_after_seconds)
        _, ended = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(ended), flush=True)


def _kill_after(pid: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)


def _child(
    args: list[str],
    environ: dict[str, str],
    dies_at: int,
    ahead_seconds: float,
    outputs: list[str],
) -> None:
    from journal import cli

    code = 70
    try:
        os.environ.clear()
        os.environ.update(environ)
        tempfile.tempdir = None
        for number, path in enumerate(outputs, 1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        _clock_ahead(ahead_seconds)
        if dies_at:
            Moments(dies_at)
        sys.orig_argv = [sys.executable, "-m", "journal", *args]
        code = cli.run(args)
        sys.stdout.flush()
    except Exception:  # noqa: BLE001  nothing of the child may run the parent's code
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _clock_ahead(seconds: float) -> None:
    real_ns = time.time_ns
    if seconds:
        time.time_ns = lambda: real_ns() + int(seconds * 1e9)


if __name__ == "__main__":
    _serve()
