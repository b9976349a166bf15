"""The hooks of each agent but Claude Code: installed, of this version, trusted, and able to run.

Claude Code has checks of its own (`hooks`, `settings_levels`), because it merges settings of
several levels.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from journal.agents import AGENTS
from journal.agents.contract import Agent
from journal.doctor import Finding, Repair, Voice, count, some
from journal.errors import JournalError
from journal.layout import Layout
from journal.setup import hooks_file
from journal.setup.hook_command import is_ours
from journal.setup.install import Installation, found_agents

CLAUDE_CODE = "claude-code"
Install = Callable[[str, bool], Installation]  # an agent's name, and whether nothing is written


@dataclass(frozen=True, slots=True)
class Installed:
    """An agent with hooks of this home. `commands`: by event."""

    agent: Agent
    commands: dict[str, str]


def installed(layout: Layout) -> list[Installed]:
    """The agents with hooks of this home, except those whose file cannot be read."""
    found = []
    for agent in AGENTS.values():
        path = hooks_file.default_path(agent, os.environ)
        try:
            commands = dict(hooks_file.look(agent, path).commands(layout.home))
        except JournalError:
            continue
        if commands:
            found.append(Installed(agent, commands))
    return found


def look_at_agents(layout: Layout, install: Install) -> list[Finding]:
    """The agents that are on this machine, or that have hooks of this home."""
    say = Voice("agents")
    here = {agent.name for agent in found_agents(os.environ)}
    ours = {one.agent.name for one in installed(layout)}
    found: list[Finding] = []
    for agent in AGENTS.values():
        if agent.name == CLAUDE_CODE:
            continue
        if agent.name in ours:
            problems = list(_problems(say, agent, install))
            found += problems or [say.ok(f"{agent.label}: hooks of this version are installed")]
        elif agent.name in here:
            found.append(_not_installed(say, agent))
    return found or [say.ok("no other agent is on this machine")]


def _not_installed(say: Voice, agent: Agent) -> Finding:
    path = hooks_file.default_path(agent, os.environ)
    hint = f"to record it: journal install {agent.name}"
    try:
        others = hooks_file.homes(hooks_file.look(agent, path).commands())
    except JournalError as error:
        return say.warning(f"{agent.label}: {error}", error.hint)
    if others:
        message = f"{agent.label} records into another home: {some(others)}"
        return say.warning(message, f"to record it into this one: journal install {agent.name}")
    return say.ok(f"{agent.label}: not installed ({hint})")


def _problems(say: Voice, agent: Agent, install: Install) -> Iterator[Finding]:
    hint = f"run: journal install {agent.name}"
    try:
        report = install(agent.name, True)
    except JournalError as error:
        yield say.error(f"{agent.label}: {error}", error.hint)
        return
    repair = _reinstall(agent, install)
    if report.events:
        message = f"{agent.label}: not as this version installs them: {some(list(report.events))}"
        yield say.error(message, hint, repair)
    elif report.programs:
        names = some(list(report.programs))
        yield say.error(f"{agent.label}: hook programs of another version: {names}", hint, repair)
    for warning in report.warnings:
        yield say.error(f"{agent.label}: {warning}", "remove it; until then nothing is recorded")
    yield from _untrusted(say, agent)


def _untrusted(say: Voice, agent: Agent) -> Iterator[Finding]:
    """What the agent itself says of trust."""
    if agent.setup.trust is None:
        return
    try:
        hooks = [hook for hook in agent.setup.trust.look(os.environ) if is_ours(hook.command)]
    except JournalError as error:
        message = f"{agent.label} cannot be asked whether it trusts the hooks: {error}"
        yield say.warning(message, error.hint)
        return
    waiting = [hook for hook in hooks if not hook.is_trusted]
    if waiting or not hooks:
        what = (
            f"does not trust {count(len(waiting), 'hook')}" if waiting else "does not see the hooks"
        )
        message = f"{agent.label} {what}: it does not run them"
        yield say.error(message, f"run: journal install {agent.name} --trust")


def _reinstall(agent: Agent, install: Install) -> Repair:
    def repair() -> str:
        install(agent.name, False)
        return f"{agent.label}: installed again"

    return repair
