"""A made-up journal of any size: mixed events of about a kilobyte in many sessions over days."""

import json
import random
from pathlib import Path
from typing import Any

import recordings
from hooks import emit

WORDS = 6_000
PROJECTS = 20
TOOLS = ("Bash", "Read", "Edit", "Grep")


def write(
    home: Path,
    records: int,
    sessions: int = 200,
    days: int = 3,
    seed: int = 1,
    root: str = "/home/dev/code",
    often: str = "",
) -> int:
    """Write so many records below `home/days`; the bytes written.

    `root` holds the projects `p0` to `p19`; `often` is a word that stands in half of all records.
    """
    chance = random.Random(seed)
    words = [
        "".join(chance.choices("etaoinshrdlucmfw", k=chance.randint(2, 9))) for _ in range(WORDS)
    ]
    step_ns = days * 86_400 * 10**9 // records
    files: dict[str, list[bytes]] = {}
    for number in range(records):
        session = f"{number % sessions:08x}-0000-4000-8000-{seed:012x}"
        now_ns = recordings.START_NS + number * step_ns
        event, payload = _payload(chance, words, session, number // sessions, root)
        if often and chance.random() < 0.5:
            _say(payload, often)
        env = {
            "CLAUDE_CODE_SESSION_ID": session,
            "CLAUDE_PID": str(number % sessions + 2),
            "CLAUDE_CODE_ENTRYPOINT": "cli",
        }
        data = json.dumps(payload).encode()
        line = emit.record("claude-code", event, data, now_ns, env)[0]
        name = f"{emit.utc(now_ns)[:10]}/{emit.file_name('claude-code', session)}.jsonl"
        files.setdefault(name, []).append(line)
    for name, lines in files.items():
        recordings.append(home / "days" / name, b"".join(lines))
    return sum(len(line) for lines in files.values() for line in lines)


def _say(payload: dict[str, Any], word: str) -> None:
    """Put a word where people search: into what was asked, done, given back or answered."""
    for key in ("prompt", "last_assistant_message"):
        if key in payload:
            payload[key] += f" {word}"
    payload.get("tool_response", payload.get("tool_input", {}))["more"] = word


def _payload(
    chance: random.Random, words: list[str], session: str, turn: int, root: str
) -> tuple[str, dict[str, Any]]:
    """One event of a turn of ten: a prompt, four tools, a stop."""
    step = turn % 10
    project = f"{root}/p{int(session[:8], 16) % PROJECTS}"
    base = {
        "session_id": session,
        "transcript_path": f"/home/dev/.claude/projects/{project}/{session}.jsonl",
        "cwd": project,
        "prompt_id": f"{turn // 10:08d}-0000-4000-8000-000000000000",  # that of its turn
        "permission_mode": "default",
    }

    def prose(count: int) -> str:
        return " ".join(chance.choices(words, k=count))

    if step == 0:
        return "UserPromptSubmit", {**base, "prompt": prose(90)}
    if step == 9:
        return "Stop", {**base, "stop_hook_active": False, "last_assistant_message": prose(90)}
    number = (turn + 1) // 2  # a call begins in one event and ends in the next, with equal input
    tool = TOOLS[number % len(TOOLS)]
    path = f"{project}/src/{words[number % 50]}.py"
    said = " ".join(words[(13 * number + 7 * place) % WORDS] for place in range(24))
    inputs: dict[str, dict[str, str]] = {
        "Bash": {"command": f"pytest tests/{words[number % 70]}", "description": said[:50]},
        "Read": {"file_path": path},
        "Edit": {"file_path": path, "old_string": said[:80], "new_string": said[80:160]},
        "Grep": {"pattern": said[:12], "path": project},
    }  # fmt: skip
    call = {
        **base,
        "tool_name": tool,
        "tool_input": inputs[tool],
        "tool_use_id": f"toolu_{session[:8]}{number:08d}",
    }
    if step % 2:
        return "PreToolUse", {**call, "effort": {"level": "medium"}, "note": prose(50)}
    response = {"stdout": prose(80), "stderr": "", "interrupted": False}
    return "PostToolUse", {**call, "tool_response": response, "duration_ms": chance.randrange(900)}
