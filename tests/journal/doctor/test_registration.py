"""Hooks that were removed or switched off, as every reading command reports them."""

import json
import os
import time
from pathlib import Path

import pytest

from journal.agents import AGENTS
from journal.doctor import registration
from journal.layout import Layout
from journal.setup import hooks_file
from journal.setup.install import install, uninstall


class Hooks:
    """The installed hooks of one agent."""

    def __init__(self, folder: Path, agent: str) -> None:
        self.agent = AGENTS[agent]
        self.layout = Layout(folder / "home")
        self.path = hooks_file.default_path(self.agent, os.environ)
        now_us = time.time_ns() // 1000
        install(self.layout, agent, None, durable=False, now_us=now_us)
        if self.agent.setup.trust is not None:
            self.trust(self.path)

    def trust(self, path: Path, more: str = "") -> None:
        """The agent's settings note that it trusts all our hooks."""
        trust = self.agent.setup.trust
        assert trust is not None
        hooks = trust.noted(os.environ, path, json.loads(self.path.read_text()))
        tables = [f'[hooks.state."{one.key}"]\ntrusted_hash = "sha256:1"\n{more}' for one in hooks]
        self.path.with_name("config.toml").write_text("".join(tables))

    def keep(self, number: int) -> list[str]:
        """Remove all but so many hooks from the file; the events of the removed ones."""
        file = hooks_file.look(self.agent, self.path)
        commands = dict(file.commands(self.layout.home))
        kept = dict(list(commands.items())[:number])
        change = file.with_hooks(kept) if kept else file.without_hooks()
        change.write(time.time_ns() // 1000)
        return [event for event in commands if event not in kept]

    def said(self) -> list[str]:
        return [str(problem) for problem in registration.problems(self.layout)]


@pytest.fixture(params=AGENTS)
def hooks(tmp_path: Path, request: pytest.FixtureRequest) -> Hooks:
    return Hooks(tmp_path, request.param)


def test_installed_hooks_are_not_reported(hooks: Hooks) -> None:
    assert hooks.said() == []


def test_missing_hooks_are_named(hooks: Hooks) -> None:
    gone = hooks.keep(-1)
    assert hooks.said() == [f"hooks are missing in {hooks.path}: {gone[0]}"]
    hooks.keep(1)
    [said] = hooks.said()
    assert said.startswith(f"hooks are missing in {hooks.path}: ")
    [problem] = registration.problems(hooks.layout)
    assert problem.hint.startswith("run: journal install")
    hooks.keep(0)
    assert hooks.said() == [f"the hooks are not in {hooks.path} any more"]
    install(hooks.layout, hooks.agent.name, None, durable=False, now_us=time.time_ns() // 1000)
    assert hooks.said() == []


def test_hooks_that_were_uninstalled_are_not_missed(hooks: Hooks) -> None:
    uninstall(hooks.layout, hooks.agent.name, None, now_us=time.time_ns() // 1000)
    assert hooks.said() == []


@pytest.mark.parametrize(
    ("name", "switch"),
    [
        ("claude-code", {"disableAllHooks": True}),
        ("gemini-cli", {"hooksConfig": {"enabled": False}}),
    ],
)
def test_hooks_that_are_switched_off_are_reported(
    tmp_path: Path, name: str, switch: dict[str, object]
) -> None:
    hooks = Hooks(tmp_path, name)
    values = json.loads(hooks.path.read_text())
    hooks.path.write_text(json.dumps(values | switch))
    [said] = hooks.said()
    assert next(iter(switch)) in said


def test_hooks_that_wait_for_trust_are_said(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path, "codex")
    config = hooks.path.with_name("config.toml")
    link = tmp_path / "link"
    link.symlink_to(hooks.path.parent)
    hooks.trust(link / hooks.path.name)
    assert hooks.said() == []
    states = config.read_text()
    for text, number in (
        ("", "12 hooks"),
        (states.replace("pre_tool_use:0:0", "pre_tool_use:1:0"), "1 hook"),
        (states.replace("pre_tool_use:0:0", "pre_tool_use"), "1 hook"),
        (states.replace('"sha256:1"', '"sha256:1"\nenabled = false', 1), "1 hook"),
        (states.replace('"sha256:1"', '""', 2), "2 hooks"),
        ("[hooks]\nstate = 7\n", "12 hooks"),
        ("hooks = 7\n", "12 hooks"),
    ):
        config.write_text(text)
        assert hooks.said() == [f"Codex does not trust {number}: it does not run them"]
    config.unlink()
    assert len(hooks.said()) == 1
    # Another program's hook came before ours: Codex knows ours at their new places no more.
    config.write_text(states)
    values = json.loads(hooks.path.read_text())
    values["hooks"]["Stop"].insert(0, {"hooks": [{"type": "command", "command": "x"}, 7]})
    hooks.path.write_text(json.dumps(values))
    assert hooks.said() == ["Codex does not trust 1 hook: it does not run them"]
