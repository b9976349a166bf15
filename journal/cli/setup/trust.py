"""The trust that an agent asks of a person for hooks: shown, offered, given."""

import os
import sys
from typing import TYPE_CHECKING

import click

from journal.errors import JournalError

if TYPE_CHECKING:
    from journal.setup.install import Installation


def offer_trust(report: "Installation", wanted: bool | None) -> None:
    """Say which hooks the agent does not trust yet; trust them if the person wants it."""
    trust, label = report.agent.setup.trust, report.agent.label
    if trust is None:
        return
    from journal.setup.hook_command import is_ours

    how = f"journal install {report.agent.name} --trust, or in {label} itself"
    if report.dry_run:
        click.echo(f"{label} runs hooks only when they are trusted. Later: {how}")
        return
    try:
        listed = trust.look(os.environ)
        waiting = [hook for hook in listed if is_ours(hook.command) and not hook.is_trusted]
        if not waiting:
            if not any(is_ours(hook.command) for hook in listed):
                click.echo(f"journal: {label} does not see the hooks yet ({how})", err=True)
            return
        if wanted is None and sys.stdin.isatty() and sys.stdout.isatty():
            click.echo(f"{label} runs hooks only when they are trusted.")
            wanted = click.confirm(f"Trust these {len(waiting)} hooks now?", default=True)
        if wanted:
            trust.grant(os.environ, waiting)
            click.echo(f"{label} trusts {len(waiting)} hooks now.")
        else:
            click.echo(f"{label} does not run the hooks until they are trusted: {how}")
    except JournalError as error:
        message = f"{label} runs hooks only when they are trusted, and cannot be asked: {error}"
        click.echo(f"journal: {message} ({error.hint})", err=True)
