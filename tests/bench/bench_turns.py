"""What one more turn costs in a session of 3,000 calls, against the same in one of 30."""

import os
import statistics
import tempfile
import time
from pathlib import Path

import recordings
import stored
from bench_table import Row, print_table
from long_sessions import LongSession

SHORT, LONG, IN_A_TURN = 30, int(os.environ.get("BENCH_CALLS", "3000")), 10
ROUNDS = 7
KINDS = (
    ("Claude Code", "claude-code", True, False),
    ("Claude Code, each hook twice", "claude-code", True, True),
    ("Gemini CLI, no ids of turns", "gemini-cli", False, False),
    ("Gemini CLI, each hook twice", "gemini-cli", False, True),
)


def measure(scratch: Path) -> list[Row]:
    """Interleaved turns in a short and a long session, as hooks and transcript report them."""
    return [
        _row(scratch / str(number), name, LongSession(agent, named, doubled))
        for number, (name, agent, named, doubled) in enumerate(KINDS)
    ]


def _row(scratch: Path, name: str, long: LongSession) -> Row:
    short = LongSession(long.agent, long.named, long.doubled)
    homes = {SHORT: (scratch / "short", short), LONG: (scratch / "long", long)}
    for calls, (home, session) in homes.items():
        for _ in range(calls // IN_A_TURN):
            for part in session.turn(IN_A_TURN):
                recordings.append(home / "days" / session.file, b"".join(part))
        stored.sync(home)
    took: dict[int, list[float]] = {SHORT: [], LONG: []}
    for _ in range(ROUNDS):
        for calls, (home, session) in homes.items():
            took[calls].append(_one_turn(home, session))
    few, many = (statistics.median(took[calls]) for calls in homes)
    return Row(f"a turn, {name}", f"{few * 1000:.0f} ms, {many * 1000:.0f} ms",
        many / few, 1.5, against="a session of 30 calls")  # fmt: skip


def _one_turn(home: Path, session: LongSession) -> float:
    """Processor time of the passes that one turn needs: its prompt, its calls, its answer."""
    seconds = 0.0
    for part in session.turn(IN_A_TURN):
        recordings.append(home / "days" / session.file, b"".join(part))
        started = time.process_time()
        stored.sync(home)
        seconds += time.process_time() - started
    return seconds


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="agent-journal-bench-") as folder:
        print_table("turns", measure(Path(folder)))
