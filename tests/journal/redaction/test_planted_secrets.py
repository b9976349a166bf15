"""Forty secrets go in through real hooks, and are nowhere but in the raw files of days.

Not in the database or its WAL, packs, pieces, dead letters, logs, contexts, exports, what commands
show, and not in any request to a remote; what only looks like a secret is everywhere as it was.
"""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import archived
import firing
import stored
from archived import QUICK
from commands import Commands
from installed import Installed
from mindspring_server import TOKEN, Server
from recordings import Firing
from tests.journal.redaction.test_redact import LOOK_ALIKES, PLANTED
from tests.sync.rescan.test_rescan import holders

SESSION = "5ec2e7aa-0001-4000-8000-000000000001"
NAMES = [*list(PLANTED)[::2], *list(PLANTED)[1:7:2]]  # of 40 shapes
ALIKE = [text for text in LOOK_ALIKES if "\\" not in text][:25]
DAY_SECONDS = 86_400


def payload(event: str, **more: object) -> bytes:
    base = {"session_id": SESSION, "hook_event_name": event, "cwd": "/home/dev/code/planted"}
    return json.dumps({**base, **more}).encode()


def in_prompt(text: str) -> tuple[str, bytes]:
    return "UserPromptSubmit", payload("UserPromptSubmit", prompt=f"please look:\n{text}\n")


def in_output(text: str) -> tuple[str, bytes]:
    response = {"content": [{"type": "text", "text": f"$ env\n{text}\n"}], "isError": False}
    return call("Bash", {"command": "make check"}, response)


def in_file(text: str) -> tuple[str, bytes]:
    content = f"# settings\n{text}\n" + "# the rest of a long file\n" * 200
    patch = [{"lines": [" a", *(f"+{line}" for line in text.splitlines()), " b"]}]
    tool_input = {"file_path": "/home/dev/code/planted/a.cfg", "content": content}
    return call("Write", tool_input, {"structuredPatch": patch, "content": content})


def in_json(text: str) -> tuple[str, bytes]:
    inner = json.dumps({"tool_response": {"stdout": f"line\n{text}\nline", "code": 0}})
    return call("Fetch", {"url": "x"}, {"content": json.dumps({"body": inner})})


def in_answer(text: str) -> tuple[str, bytes]:
    return "Stop", payload("Stop", last_assistant_message=f"I have found it:\n{text}\n")


def call(tool: str, tool_input: object, response: object) -> tuple[str, bytes]:
    data = payload(
        "PostToolUse", tool_name=tool, tool_use_id=f"toolu_{time.time_ns()}",
        tool_input=tool_input, tool_response=response,
    )  # fmt: skip
    return "PostToolUse", data


PLACES: list[Callable[[str], tuple[str, bytes]]] = [
    in_prompt, in_output, in_file, in_json, in_answer
]  # fmt: skip


def fire(installed: Installed, event: str, data: bytes) -> bytes:
    """One hook as the agent runs it; what it shows the agent."""
    one = Firing(event, 0, {"CLAUDE_CODE_ENTRYPOINT": "cli"}, data)
    outputs = []
    for done in firing.fire(installed.settings, one, installed.folder):
        assert (done.code, done.stderr) == (0, b"")
        outputs.append(done.stdout)
    return b"".join(outputs)


def plant(installed: Installed) -> None:
    """A session with all of it, through the installed hooks."""
    fire(installed, "SessionStart", payload("SessionStart", source="startup"))
    for number, name in enumerate(NAMES):
        template, secret = PLANTED[name]
        fire(installed, *PLACES[number % len(PLACES)](template.format(secret)))
    for number, place in enumerate(PLACES):
        fire(installed, *place("\n".join(ALIKE[number * 5 : number * 5 + 5])))
    file, *_ = installed.home.glob("days/*/claude-code.*.jsonl")
    with file.open("ab") as torn:
        torn.write(b'{"v":1,"id":"torn, GITHUB_TOKEN=%s\n' % PLANTED["github classic"][1].encode())


def asserted_clean(home: Path, *more: bytes) -> None:
    """No secret lies in any file but those of days, however it is packed, nor in other bytes."""
    data = [*more]
    for path in home.rglob("*"):
        if path.is_file() and not path.is_relative_to(home / "days"):
            content = path.read_bytes()
            data += [content, gzip.decompress(content)] if path.suffix == ".gz" else [content]
    data += stored.packed_texts(home)
    everything = b"\n".join(data)
    found = [name for name in NAMES if _shapes(PLANTED[name][1]) & _in(everything, name)]
    assert found == []


def _shapes(secret: str) -> set[bytes]:
    """As text, and as JSON and JSON in JSON hold it."""
    once = json.dumps(secret)[1:-1]
    return {text.encode() for text in (secret, once, json.dumps(once)[1:-1])}


def _in(data: bytes, name: str) -> set[bytes]:
    return {shape for shape in _shapes(PLANTED[name][1]) if shape in data}


def grow_old(home: Path, days: int) -> None:
    """What was written today, and after midnight, is of days long ago."""
    for number, folder in enumerate(sorted(path for path in home.glob("days/*") if path.is_dir())):
        at = time.time() - (days - number) * DAY_SECONDS
        old = folder.with_name(time.strftime("%Y-%m-%d", time.gmtime(at)))
        folder.rename(old)
        for path in old.iterdir():
            os.utime(path, (at, at))


def watched(home: Path, until: Callable[[], object]) -> None:
    """A watcher runs until that has come."""
    command = [sys.executable, "-m", "journal", "--home", str(home), "watch"]
    watcher = subprocess.Popen(command, env={**os.environ, archived.VARIABLE: TOKEN})
    end = time.monotonic() + 20
    while not until() and time.monotonic() < end:
        time.sleep(0.02)
    watcher.send_signal(signal.SIGTERM)
    assert watcher.wait() == 0
    assert until()


def strings(value: Any) -> Iterator[str]:
    """Every string of a JSON value, and of the JSON in it."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, str):
        yield value
        if value[:1] == "{":
            yield from strings(json.loads(value))


def test_forty_secrets_are_nowhere_and_what_looks_like_one_is_everywhere(
    installed: Installed, tmp_path: Path, commands: Commands
) -> None:
    home = installed.home
    assert (len(NAMES), len(ALIKE)) == (40, 25)
    folder = tmp_path / "nas"
    folder.mkdir()
    with Server() as server:
        (home / "config.toml").write_text(archived.config("mindspring", server.url, QUICK))
        plant(installed)
        server.fail("list_notebooks", status=503)
        assert commands.run(home, "sync", "--json").json["remote"]["waiting"] == 1
        asserted_clean(home)  # with what waits in retry/
        server.heal()
        watched(home, lambda: server.state.sources)
        requests = b"".join(asked.body + asked.path.encode() for asked in server.asked)
    assert b"please look" in requests
    (home / "config.toml").write_text(archived.config("folder", str(folder), QUICK))
    watched(home, lambda: list(folder.rglob("*.jsonl")))
    exported = commands.run(home, "export").stdout
    context = "context", "--project", "/home/dev/code/planted"
    shown = [exported, commands.run(home, "show", SESSION, "--json").stdout]
    shown += [
        commands.run(home, "export", "--format", form).stdout for form in ("markdown", "html")
    ]
    shown += [commands.run(home, "show", SESSION).stdout, commands.run(home, *context).stdout]
    shown += [commands.run(home, "search", "look", "--json").stdout]
    another = payload("SessionStart", source="startup", session_id="another")
    given = fire(installed, "SessionStart", another)
    pieces = [path.read_bytes() for path in folder.rglob("*.jsonl")]
    asserted_clean(home, requests, given, *pieces, *(text.encode() for text in shown))
    assert [len(text) > 200 for text in shown] == [True] * len(shown)
    assert len(given) > 200
    assert exported.count("[redacted:") >= len(NAMES)
    held = [text for line in exported.splitlines() for text in strings(json.loads(line))]
    assert [text for text in ALIKE if not any(text in one for one in held)] == []

    grow_old(home, 10)
    assert commands.run(home, "sync").code == 0
    assert list(home.glob("packs/*.gz"))
    assert not list(home.glob("days/*/claude-code*.jsonl"))
    assert list((home / "dead").iterdir())
    assert list((home / "logs").iterdir())
    asserted_clean(home)
    assert holders(home, PLANTED["github classic"][1]) == []
