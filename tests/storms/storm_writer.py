"""A writer of the storm: it records as hooks do until it is killed, at times inside a write."""

import json
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import truth
from hooks import emit

AGENT = "claude-code"
LEAST_BYTES, MOST_BYTES = 40, 300_000  # of a payload's text; the envelope takes 200 more
MEAN_PAUSE_SECONDS = 0.012
BURSTS, BURST_RECORDS = 0.004, 300  # now and then so many come without a pause
# How a record is written, in per cent.
WAYS = {"whole": 86, "pieces": 6, "cut": 5, "spool": 3}
_WORDS = [
    *("kill", "torn", "line", '"quoted"', "back\\slash", "naïve", "東京", "\u2028", "\u0085"),
    *("tab\t", "end\n", "🚀", "0.5", '{"v":1}', ","),
]


def texts(chance: random.Random) -> Iterator[str]:
    """Texts of 40 B to 300 kB, most of them small, no two alike."""
    long = " ".join(chance.choices(_WORDS, k=80_000))
    while True:
        size = int(LEAST_BYTES * (MOST_BYTES / LEAST_BYTES) ** (chance.random() ** 2.5))
        start = chance.randrange(len(long))
        yield f"{chance.getrandbits(40)} {(long[start:] + long)[:size]}"


def turns(chance: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """Events with their payloads, as a session that goes on for ever."""
    text = texts(chance)
    while True:
        source = chance.choice(("startup", "resume", "compact"))
        yield "SessionStart", {"source": source, "cwd": "/code/storm"}
        for _ in range(chance.randrange(1, 4)):
            yield "UserPromptSubmit", {"prompt": next(text)[:3_000]}
            for _ in range(chance.randrange(5)):
                yield from _call(chance, text)
            yield "Stop", {"last_assistant_message": next(text)[:3_000]}
        if chance.random() < 0.3:
            yield "SessionEnd", {"reason": "other"}


def _call(chance: random.Random, text: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    path = f"/code/storm/{chance.randrange(40)}.py"
    call = {
        "tool_name": "Edit",
        "tool_use_id": f"call-{chance.getrandbits(32)}",
        "tool_input": {"file_path": path, "new_string": next(text)[:2_000]},
    }
    yield "PreToolUse", call
    if chance.random() < 0.1:
        yield "PostToolUseFailure", {**call, "error": next(text)[:500]}
    else:  # the bulk of a record is what an agent repeats; it is stored, but not indexed
        yield "PostToolUse", {**call, "tool_response": {"originalFile": next(text)}}


def write(home: Path, sessions: list[str], seed: int, reported: Path) -> None:
    """Record for ever. Print what has certainly been written: id and content, a line each."""
    chance = random.Random(seed)
    events = {session: turns(chance) for session in sessions}
    fd = os.open(reported, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    unpaused = 0
    while True:
        if unpaused:
            unpaused -= 1
        elif chance.random() < BURSTS:
            unpaused = BURST_RECORDS
        else:
            time.sleep(chance.expovariate(1 / MEAN_PAUSE_SECONDS))
        session = chance.choice(sessions)
        event, payload = next(events[session])
        data = json.dumps({"session_id": session, **payload}, ensure_ascii=chance.random() < 0.5)
        now_ns = time.time_ns()
        line, guess, unique = emit.record(AGENT, event, data.encode(), now_ns, {})
        (way,) = chance.choices(list(WAYS), list(WAYS.values()))
        name = emit.file_name(AGENT, guess)
        if way == "whole":
            emit.append(str(home), name, line, now_ns, durable=False)
        elif way == "spool":
            emit.spool(str(home), name, line, unique)
        else:
            _write_in_pieces(home, name, line, now_ns, chance, way == "cut")
            continue  # another one may have written into its middle
        os.write(fd, f"{unique} {truth.content(json.loads(line)).hex()}\n".encode())


def _write_in_pieces(
    home: Path, name: str, line: bytes, now_ns: int, chance: random.Random, dies: bool
) -> None:
    """What a killed write leaves, and a slow disk: others may write between the pieces."""
    day = home / "days" / emit.utc(now_ns)[:10]
    day.mkdir(parents=True, exist_ok=True)
    cuts = sorted(chance.sample(range(1, len(line)), chance.randrange(1, 4)))
    if dies and chance.random() < 0.2:
        cuts = [len(line) - 1]  # all but the newline
    fd = os.open(day / f"{name}.jsonl", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    size = os.fstat(fd).st_size
    if size and os.pread(fd, 1, size - 1) != b"\n":
        line = b"\n" + line
    for start, end in zip([0, *cuts], [*cuts, len(line)], strict=True):
        os.write(fd, line[start:end])
        time.sleep(chance.uniform(0, 0.01))
        if dies and end != len(line):
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(fd)
