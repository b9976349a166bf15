"""The trust that an agent asks of a person for hooks: shown, offered, given, withdrawn."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from journal.cli.screen.output import report as tell
from journal.errors import JournalError

if TYPE_CHECKING:
    from journal.agents.contract import Agent, HookTrust
    from journal.setup.install import Installation


def offer_trust(report: "Installation", wanted: bool | None) -> None:
    """Say which hooks the agent does not trust yet; trust them if the person wants it."""
    trust, label = report.agent.setup.trust, report.agent.label
    if trust is None:
        return
    from journal.setup.hook_command import is_ours

    how = f"journal install {report.agent.name} --trust, or in {label} itself"
    if report.dry_run:
        tell(f"{label} runs hooks only when they are trusted. Later: {how}")
        return
    try:
        listed = trust.look(os.environ)
        waiting = [hook for hook in listed if is_ours(hook.command) and not hook.is_trusted]
        if not waiting:
            if not any(is_ours(hook.command) for hook in listed):
                tell(f"journal: {label} does not see the hooks yet ({how})", err=True)
            return
        if wanted is None and sys.stdin.isatty() and sys.stdout.isatty():
            tell(f"{label} runs hooks only when they are trusted.")
            wanted = click.confirm(f"Trust these {len(waiting)} hooks now?", default=True)
        if wanted:
            trust.grant(os.environ, waiting)
            tell(f"{label} trusts {len(waiting)} hooks now.")
        else:
            tell(f"{label} does not run the hooks until they are trusted: {how}")
    except JournalError as error:
        message = f"{label} runs hooks only when they are trusted, and cannot be asked: {error}"
        tell(f"journal: {message} ({error.hint})", err=True)


def trusted_hooks(agent: "Agent", file: Path | None) -> "list[HookTrust]":
    """Our hooks that the agent notes as trusted; none if the file cannot be read."""
    from journal.setup import hooks_file
    from journal.setup.hook_command import is_ours

    if agent.setup.trust is None:
        return []
    path = file or hooks_file.default_path(agent, os.environ)
    try:
        values = hooks_file.look(agent, path).values
    except JournalError:
        return []
    listed = agent.setup.trust.noted(os.environ, path, values)
    return [hook for hook in listed if hook.digest and is_ours(hook.command)]


def withdraw_trust(agent: "Agent", hooks: "list[HookTrust]") -> None:
    """The agent forgets that these hooks, which are gone, were trusted."""
    if agent.setup.trust is None or not hooks:
        return
    try:
        agent.setup.trust.withdraw(os.environ, hooks)
        tell(f"{agent.label} no longer trusts {len(hooks)} hooks.")
    except JournalError as error:
        message = f"{agent.label} still notes that it trusts the hooks, which are gone: {error}"
        tell(f"journal: {message}", err=True)
