"""`make demo`: the whole loop in a scratch folder, a line of explanation for each step.

Nothing outside `.demo/` is touched: the home, the agent's settings and HOME itself lie there.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import firing
import recordings

ROOT = Path(__file__).parent.parent
SCRATCH = ROOT / ".demo"
RECORDING = "i-exit"
NEXT = "0ddba11d-0000-4000-8000-000000000000"


def main() -> int:
    """Run the demonstration; exit code 0 if the next session was told about the first."""
    shutil.rmtree(SCRATCH, ignore_errors=True)
    project = SCRATCH / "billing-api"
    project.mkdir(parents=True)
    _repository(project)
    settings, home = SCRATCH / "settings.json", SCRATCH / "home"

    _say("1. Install the hooks into an agent's settings file (a scratch one).")
    _journal(home, "install", "--settings", str(settings))

    firings = _moved(project)
    _say("2. An agent works: its recorded hooks run as the agent runs them, `sh -c` each.")
    fired = [(one.event, firing.fire(settings, one, SCRATCH, project)) for one in firings]
    ran = [(event, done.seconds) for event, results in fired for done in results]
    for event, seconds in ran:
        print(f"   {event:<18} {seconds * 1000:5.1f} ms")
    print(f"   {len(ran)} hooks, each one line in {_day(home)}")

    _say("3. Sync: the lines become rows, secrets are redacted, the session is summarised.")
    _journal(home, "sync")
    _say("4. What people see.")
    _journal(home, "sessions")

    _say("5. The next session of the project starts; the SessionStart hook tells the agent:")
    context = _next_context(settings, project)
    print("\n".join(f"   {line}" for line in context.splitlines()))
    _say("Real use: install the application, then `journal install`. See README.md.")
    return 0 if "notes.txt" in context else 1


def _say(text: str) -> None:
    print(f"\n{text}", flush=True)


def _journal(home: Path, *args: str) -> None:
    env = firing.environment(SCRATCH) | {"TERM": "dumb"}
    command = [sys.executable, "-m", "journal", "--home", str(home), *args]
    done = subprocess.run(command, env=env, cwd=SCRATCH, capture_output=True, text=True)
    print("\n".join(f"   {line}" for line in (done.stdout + done.stderr).splitlines()))
    if done.returncode:
        sys.exit(done.returncode)


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


def _moved(project: Path) -> list[recordings.Firing]:
    """The recording, as if the agent had worked in our scratch project."""
    old = f"/home/dev/code/{RECORDING}".encode()
    return [
        one._replace(stdin=one.stdin.replace(old, str(project).encode()))
        for one in recordings.load(RECORDING)
    ]


def _day(home: Path) -> str:
    (path,) = home.glob("days/*/*.jsonl")
    return str(path.relative_to(SCRATCH))


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
