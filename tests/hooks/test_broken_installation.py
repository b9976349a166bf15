"""No broken home, interpreter or installation blocks any agent.

What would: exit code 2 (Claude Code, Codex, Qwen Code), any but 0 before a tool (Copilot CLI), 2
and more with any output (Gemini CLI). What a person or the model would see: text on stdout or
stderr. So each command ends with 0 and prints nothing but, at the start of a session, JSON in the
agent's form. With THOROUGH=1 every event of every agent, else two events of Claude Code and, by
turns, of Codex or Copilot CLI, whose commands, shells and answers differ.
"""

import ctypes
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from chance import THOROUGH
from journal.agents import AGENTS
from journal.layout import Layout
from journal.setup import hooks_file
from journal.setup.hook_command import script_file
from journal.setup.install import install

SHELLS = {"claude-code": "sh", "opencode": "sh"}  # the others run hooks with bash
NOW_US = 1_795_000_000_000_000
_PR_CAPBSET_DROP, _PASS_OVER_RIGHTS = 24, (1, 2)  # prctl(2), capabilities(7)
_libc = ctypes.CDLL(None)


class Installed:
    """The hooks of all agents, installed once for all tests; each finds the home as it was."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home, self.kept = folder, folder / "home", folder / "kept"
        for agent in AGENTS:
            made = install(Layout(self.home), agent, None, durable=False, now_us=NOW_US)
        (self.home / "synced").write_text(str(10**9))  # no pass is needed before a context
        self.python = str(made.interpreter)
        self.commands = {
            name: dict(
                hooks_file.look(agent, hooks_file.default_path(agent, os.environ)).commands()
            )
            for name, agent in AGENTS.items()
        }
        self.home.rename(self.kept)

    def restore(self) -> None:
        """The home is again what was installed."""
        if self.home.is_dir() and not self.home.is_symlink():
            shutil.rmtree(self.home)
        else:
            self.home.unlink(missing_ok=True)
        shutil.copytree(self.kept, self.home)


class Everybody:
    """A scratch person with the hooks of all agents in one home."""

    def __init__(self, installed: Installed, folder: Path) -> None:
        installed.restore()
        self.folder = folder
        self.layout = Layout(installed.home)
        self.python = installed.python
        self.cwd = folder / "shop"
        self.cwd.mkdir()
        self.env = {**os.environ}
        self.commands = {agent: dict(texts) for agent, texts in installed.commands.items()}

    def replace(self, old: str, new: str) -> None:
        """In all commands, and in the script that a constant command runs."""
        for commands in self.commands.values():
            commands.update({event: text.replace(old, new) for event, text in commands.items()})
        script = script_file(self.layout, "codex")
        script.write_text(script.read_text().replace(old, new))

    def fired(self, agent: str, event: str) -> tuple[int, bytes, bytes]:
        """Exit code and output of one hook, run by the agent's shell."""
        shell = shutil.which(SHELLS.get(agent, "bash")) or "/bin/sh"
        given = {"session_id": "s", "cwd": str(self.cwd), "hook_event_name": event}
        given |= {"source": "new" if agent == "copilot-cli" else "startup"}
        done = subprocess.run(
            [shell, "-c", self.commands[agent][event]],
            input=json.dumps(given).encode(),
            capture_output=True,
            env=self.env,
            cwd=self.cwd,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    def check(self, agents: list[str]) -> None:
        """Fire the hooks of agents, several at once."""
        hooks = [(agent, event) for agent in agents for event in _events(agent)]
        # What a thread has put down its children have not; `preexec_fn` would fork all of pytest.
        with ThreadPoolExecutor(4, initializer=_bind_rights) as pool:
            found = list(pool.map(lambda hook: self.fired(*hook), hooks))
        for (agent, event), (code, out, err) in zip(hooks, found, strict=True):
            assert (code, err) == (0, b""), (agent, event)
            if event == "SessionStart" and out:
                keys = {"additionalContext"} if agent == "copilot-cli" else {"hookSpecificOutput"}
                assert set(json.loads(out)) - {"systemMessage"} <= keys, agent
            else:
                assert out == b"", (agent, event)


def _bind_rights() -> None:
    """From now on rights of files count for what this thread starts, also for root."""
    if os.getuid() == 0:
        for capability in _PASS_OVER_RIGHTS:
            _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def _agents(number: int = 0) -> list[str]:
    return list(AGENTS) if THOROUGH else ["claude-code", ("codex", "copilot-cli")[number % 2]]


def _events(agent: str) -> list[str]:
    events = list(AGENTS[agent].setup.events)
    some = ["SessionStart", next(event for event in events if "Tool" in event)]
    return events if THOROUGH else some


@pytest.fixture(scope="module")
def installed_once(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("everybody")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        return Installed(folder)


@pytest.fixture
def everybody(installed_once: Installed, tmp_path: Path) -> Everybody:
    return Everybody(installed_once, tmp_path)


def nothing_broken(one: Everybody) -> None:
    pass


def home_gone(one: Everybody) -> None:
    shutil.rmtree(one.layout.home)


def home_is_a_file(one: Everybody) -> None:
    shutil.rmtree(one.layout.home)
    one.layout.home.write_text("")


def home_is_a_loop(one: Everybody) -> None:
    shutil.rmtree(one.layout.home)
    one.layout.home.symlink_to(one.layout.home)


def home_closed(one: Everybody) -> None:
    one.layout.home.chmod(0)


def home_read_only(one: Everybody) -> None:
    for path in (one.layout.home, *one.layout.home.rglob("*")):
        path.chmod(path.stat().st_mode & 0o555)


def days_is_a_file(one: Everybody) -> None:
    one.layout.days.write_text("")


def nowhere_to_write(one: Everybody) -> None:
    home_is_a_file(one)
    one.env["TMPDIR"] = str(one.layout.home)


def home_and_variables_gone(one: Everybody) -> None:
    home_gone(one)
    for name in ("HOME", "TMPDIR", "PATH"):
        one.env.pop(name, None)


def programs_gone(one: Everybody) -> None:
    shutil.rmtree(one.layout.hooks)


def programs_and_package_gone(one: Everybody) -> None:
    one.replace("/hooks/run.py", "/gone/run.py")


def programs_cut_off(one: Everybody) -> None:
    for path in one.layout.hooks.glob("*.py"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def programs_empty(one: Everybody) -> None:
    for path in one.layout.hooks.iterdir():
        path.write_bytes(b"")


def programs_closed(one: Everybody) -> None:
    for path in one.layout.hooks.iterdir():
        path.chmod(0)


def interpreter_gone(one: Everybody) -> None:
    one.replace(f"{one.python} -I", "/gone/python -I")


def interpreter_fails(one: Everybody) -> None:
    python = one.folder / "python"
    python.write_text("#!/bin/sh\necho usage >&2\nexit 2\n")
    python.chmod(0o755)
    one.replace(f"{one.python} -I", f"{python} -I")


def interpreter_is_killed(one: Everybody) -> None:
    python = one.folder / "python"
    python.write_text("#!/bin/sh\nkill -9 $$\n")
    python.chmod(0o755)
    one.replace(f"{one.python} -I", f"{python} -I")


def settings_broken(one: Everybody) -> None:
    (one.layout.home / "config.toml").write_bytes(b"[capture\n\xff")
    (one.layout.home / "off.d").write_text("")
    one.layout.id_file.write_bytes(b"\0\0")


def what_is_prepared_broken(one: Everybody) -> None:
    key = f"path:{one.layout.id}:{one.cwd}"
    one.layout.contexts.mkdir(parents=True)
    one.layout.context_file(key).write_bytes(b"1\t2\t\xff\n7\n")
    (one.layout.home / "synced").write_bytes(b"\xff" * 9)
    one.layout.database.write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)


BREAKAGES = (
    nothing_broken, home_gone, home_is_a_file, home_is_a_loop, home_closed, home_read_only,
    days_is_a_file, nowhere_to_write, home_and_variables_gone, programs_gone,
    programs_and_package_gone, programs_cut_off, programs_empty, programs_closed,
    interpreter_gone, interpreter_fails, interpreter_is_killed, settings_broken,
    what_is_prepared_broken,
)  # fmt: skip


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda one: one.__name__)
def test_a_broken_installation_blocks_no_agent(
    everybody: Everybody, breakage: Callable[[Everybody], None]
) -> None:
    breakage(everybody)
    everybody.check(_agents(BREAKAGES.index(breakage)))


def test_a_full_disk_blocks_no_agent(everybody: Everybody) -> None:
    with _full(everybody):
        everybody.check(_agents())


@contextmanager
def _full(one: Everybody) -> Iterator[None]:
    """Home and temporary folder lie on a disk without any space."""
    kept = one.folder / "kept"
    one.layout.home.rename(kept)
    one.layout.home.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", str(one.layout.home)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount")
    try:
        shutil.copytree(kept, one.layout.home, dirs_exist_ok=True)
        one.env["TMPDIR"] = str(one.layout.home / "tmp")
        with (one.layout.home / "filler").open("wb", buffering=0) as file, suppress(OSError):
            while file.write(b"x" * 512):
                pass
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(one.layout.home)], check=True)
