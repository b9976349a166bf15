"""The recorded sessions, as the tests use them: fired through hooks, or written as a journal."""

import json
from pathlib import Path
from typing import NamedTuple

from hooks import emit

FOLDER = Path(__file__).parent / "data" / "recordings"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.jsonl")))
START_NS = 1_795_000_000_000_000_000  # 2026-11-18T11:06:40Z


class Firing(NamedTuple):
    """One hook that the agent ran."""

    event: str
    after_ms: float
    env: dict[str, str]
    stdin: bytes


def load(name: str) -> list[Firing]:
    """The firings of one recording in the order in which they started."""
    lines = (FOLDER / f"{name}.jsonl").read_bytes().split(b"\n")
    rows = [json.loads(line) for line in lines if line]
    return [Firing(r["event"], r["after_ms"], r["env"], r["stdin"].encode()) for r in rows]


def records(name: str, start_ns: int = START_NS) -> list[tuple[str, bytes]]:
    """File name below `days/` and line of each firing, as the emitter writes them."""
    made = []
    for firing in load(name):
        now_ns = start_ns + int(firing.after_ms * 1e6)
        line, session, _ = emit.record(
            "claude-code", firing.event, firing.stdin, now_ns, firing.env
        )
        day = emit.utc(now_ns)[:10]
        made.append((f"{day}/{emit.file_name('claude-code', session)}.jsonl", line))
    return made


def write_journal(home: Path, name: str, start_ns: int = START_NS) -> list[bytes]:
    """Append one recording to the journal of `home`; its lines."""
    made = records(name, start_ns)
    for file_name, line in made:
        append(home / "days" / file_name, line)
    return [line for _, line in made]


def append(path: Path, data: bytes) -> None:
    """Append bytes to a journal file, whole or torn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(data)


def line(event: str, payload: object, now_ns: int = START_NS, **environ: str) -> bytes:
    """One record made up for a test."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return emit.record("claude-code", event, data, now_ns, environ)[0]
