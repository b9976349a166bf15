"""`make demo`: replays a day of a project through the hooks, and shows what is recorded.

The day is in `tests/data/day/`: two sessions in a small project, with each hook as the agent ran
it. Everything is written to `.demo/`: the home, the agent's settings and HOME.
"""

import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import firing
import recordings
from places import DATA, ROOT

SCRATCH = ROOT / ".demo"
RECORDED_AT = b"/home/dev/code/billing-api"
FIRST = "53fac9"  # the session with the sub-agent and the failing test
NEXT = "0ddba11d-0000-4000-8000-000000000000"
COLUMNS = 77  # 80 with the indent


def main() -> int:
    """Run the demonstration; exit code 0 if the next session's context has the day."""
    shutil.rmtree(SCRATCH, ignore_errors=True)
    project = SCRATCH / "billing-api"
    project.mkdir(parents=True)
    _repository(project)
    settings = SCRATCH / "settings.json"

    _say("1. Install the hooks into the settings file of an agent, here one in .demo/.")
    _journal(project, "install", "--settings", str(settings))

    _say("2. A day of work: two sessions. Each hook is run with `sh -c`, as the agent does it.")
    _replay_day(settings, project)

    _say("3. Sync: records become rows in SQLite, secrets are redacted, sessions summarized.")
    _journal(project, "sync")
    _say("4. The board: what waits for you, what runs, what is done.")
    _journal(project)
    _say("5. The first session: a sub-agent, a failing test, the fix.")
    _journal(project, "show", FIRST)
    _say("6. Search for words and for code.")
    _journal(project, "search", "rounds once")
    _journal(project, "search", 'lineterminator="\\n"')

    _say("7. A new session starts in the project. This is in its context:")
    context = _next_context(settings, project)
    _indent(context)
    _say("To use it: install the application, then run `journal install`. See README.md.")
    return 0 if "src/export.py" in context else 1


def _say(text: str) -> None:
    print(f"\n{text}", flush=True)


def _indent(text: str) -> None:
    """Print lines that fit 80 columns; the rest of a longer line is indented further."""
    for line in text.splitlines():
        rest = " " * (len(line) - len(line.lstrip()) + 2)
        wrapped = textwrap.wrap(line, COLUMNS, subsequent_indent=rest)
        print("\n".join(f"   {one}".rstrip() for one in wrapped))


def _journal(project: Path, *args: str) -> None:
    _indent(f"$ {shlex.join(['journal', *args])}")
    env = firing.environment(SCRATCH) | {"TERM": "dumb", "COLUMNS": str(COLUMNS)}
    command = [sys.executable, "-m", "journal", *args, "--home", str(SCRATCH / "home")]
    done = subprocess.run(command, env=env, cwd=project, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    _indent(done.stdout)
    print()


def _repository(project: Path) -> None:
    """A repository with a commit, so that branch and HEAD are shown; without git there are none."""
    if not shutil.which("git"):
        return
    identity = ["-c", "user.name=demo", "-c", "user.email=demo@localhost"]
    for args in (
        ["init", "--quiet", "--initial-branch", "fix/rounding"],
        ["commit", "--quiet", "--allow-empty", "--message", "begin"],
    ):
        env = firing.environment(SCRATCH) | {"GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(["git", *identity, *args], cwd=project, env=env, check=True)


def _replay_day(settings: Path, project: Path) -> None:
    """Fire the day's hooks; after each, start a bare interpreter for comparison."""
    hooks: list[float] = []
    starts: list[float] = []
    for path in sorted((DATA / "day").glob("*.jsonl")):
        for one in recordings.read(path):
            here = one._replace(
                stdin=one.stdin.replace(RECORDED_AT, str(project).encode()),
                env=one.env | {"CLAUDE_PID": str(os.getpid())},  # an agent that still runs
            )
            if one.event == "UserPromptSubmit":
                _indent(f"> {json.loads(one.stdin)['prompt']}")
            hooks += [done.seconds for done in firing.fire(settings, here, SCRATCH, project)]
            starts.append(_bare_start_seconds())
    lines = [line for file in SCRATCH.glob("home/days/*/*.jsonl") for line in file.open()]
    hook_ms, start_ms = (statistics.median(times) * 1000 for times in (hooks, starts))
    _indent(f"{len(hooks)} hooks wrote {len(lines)} records. Median time: {hook_ms:.1f} ms.")
    _indent(f"The start of a Python interpreter alone took {start_ms:.1f} ms in the same run.")


def _bare_start_seconds() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True)
    return time.perf_counter() - began


def _next_context(settings: Path, project: Path) -> str:
    payload = {"session_id": NEXT, "cwd": str(project), "source": "startup"}
    env = {"CLAUDE_CODE_SESSION_ID": NEXT, "CLAUDE_CODE_ENTRYPOINT": "cli"}
    one = recordings.Firing("SessionStart", 0, env, json.dumps(payload).encode() + b"\n")
    (done,) = firing.fire(settings, one, SCRATCH, project)
    if not done.stdout:
        return ""
    return str(json.loads(done.stdout)["hookSpecificOutput"]["additionalContext"])


if __name__ == "__main__":
    sys.exit(main())
