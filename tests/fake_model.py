"""A model program for the tests: `fake_model.py FOLDER`, which does what FOLDER/mode says.

Each call leaves a line in FOLDER/calls: what it was given, and its process. Modes are words:
`ok`, `plain` (the JSON object alone), `fail`, `refuse`, `garbage`, `flood`, `hang` (deaf to
SIGTERM), `slow`, `children` (leaves some, one in a session of its own).
"""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

ANSWER = {
    "request": "what was wanted, says the model",
    "investigated": ["read the code", "read the tests"],
    "learned": "the model learned this",
    "completed": "the model saw it done",
    "next_steps": "",
}


def stream(result: str, is_error: bool = False) -> None:
    """Print what `claude -p --output-format stream-json` prints, with a hook's id before init."""
    throw_away = str(uuid.uuid4())
    real = str(uuid.uuid4())
    for message in (
        {"type": "system", "subtype": "hook_started", "session_id": throw_away},
        {"type": "system", "subtype": "hook_response", "session_id": throw_away, "output": ""},
        {"type": "system", "subtype": "init", "session_id": real, "model": "fake", "tools": []},
        {"type": "assistant", "session_id": real, "message": {"content": []}},
        {
            "type": "result",
            "subtype": "success",
            "session_id": real,
            "is_error": is_error,
            "result": result,
        },
    ):
        print(json.dumps(message), flush=True)


def spawn(token: str) -> None:
    """Leave children behind: one in this group, one in a session of its own."""
    sleep = [sys.executable, "-c", "import time; time.sleep(300)", token]
    subprocess.Popen(sleep, stdin=subprocess.DEVNULL)
    subprocess.Popen(sleep, stdin=subprocess.DEVNULL, start_new_session=True)


def main() -> int:
    """One call."""
    folder = Path(sys.argv[1])
    mode = (folder / "mode").read_text().strip()
    said = sys.stdin.read() if mode != "hang" else ""
    call = {
        "pid": os.getpid(),
        "cwd": str(Path.cwd()),
        "environ": {k: v for k, v in os.environ.items() if "JOURNAL" in k or "CLAUDE" in k},
        "stdin": said,
        "at": time.time(),
    }
    with (folder / "calls").open("a") as file:
        file.write(json.dumps(call) + "\n")
    return BEHAVIOURS[mode](str(folder)) or 0


def flood(_: str) -> None:
    while True:
        sys.stdout.write("x" * 65536)


def fail(_: str) -> int:
    print("the model broke", file=sys.stderr)
    return 3


def slow(_: str) -> None:
    time.sleep(2)
    stream(json.dumps(ANSWER))


def children(token: str) -> None:
    spawn(token)
    stream(json.dumps(ANSWER))


def hang(token: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    spawn(token)
    time.sleep(300)


BEHAVIOURS: dict[str, Callable[[str], int | None]] = {
    "ok": lambda _: stream(json.dumps(ANSWER)),
    "plain": lambda _: print(json.dumps(ANSWER)),
    "refuse": lambda _: stream("out of credit", is_error=True),
    "garbage": lambda _: stream("I could not do that, sorry { nothing"),
    "flood": flood,
    "fail": fail,
    "slow": slow,
    "children": children,
    "hang": hang,
}


if __name__ == "__main__":
    sys.exit(main())
