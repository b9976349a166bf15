"""`journal install` and `journal uninstall`: the hooks in the agent's settings."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app

ATTEMPTS = 10  # while other programs change the agent's settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from journal.setup.install import Installation, Removal
    from journal.setup.service import ServiceChange

_AGENT = click.argument("agent", default="claude-code", metavar="[claude-code]")
_SETTINGS = click.option(
    "--settings",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The agent's settings (else $CLAUDE_CONFIG_DIR/settings.json or ~/.claude/settings.json).",
)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")


@click.command()
@_AGENT
@_SETTINGS
@click.option(
    "--service",
    is_flag=True,
    help="Also run `journal watch` as a service of this user (systemd, launchd).",
)
@_DRY_RUN
@pass_app
def install(app: App, agent: str, settings: Path | None, service: bool, dry_run: bool) -> None:
    """Record the sessions of an agent from now on.

    Adds hooks to the agent's settings and keeps everything else in them. To run it again changes
    nothing, or brings the hooks up to date after an upgrade.
    """
    from journal.setup import install as installing
    from journal.setup import service as services

    autostart = app.settings.capture.autostart
    if service:
        services.install(app.layout, dry_run=True)  # refuses before anything is written
    named = _named(settings)

    def put() -> "Installation":
        return installing.install(
            app.layout,
            agent,
            named,
            durable=app.settings.capture.durable,
            now_us=app.now_us,
            autostart=autostart,
            dry_run=dry_run,
        )

    report = _alone(put)
    change = services.install(app.layout, dry_run=dry_run) if service else None
    click.echo(installation_text(report, autostart, change))
    for warning in dict.fromkeys((*report.warnings, *_switched_off(report))):
        click.echo(f"journal: {warning}", err=True)
    if report.outcome != "unchanged":
        _offer_import(app, _absolute(settings), dry_run)


def _alone(put: "Callable[[], Installation]") -> "Installation":
    """What `put` does, again if another program changed the settings meanwhile."""
    import random
    import time

    from journal.setup.settings_file import ChangedError

    for _ in range(ATTEMPTS - 1):
        try:
            return put()
        except ChangedError:  # several installs at once: each begins with what it finds
            time.sleep(random.uniform(0.05, 0.25))
    return put()


def _switched_off(report: "Installation") -> list[str]:
    """What in the agent's settings keeps hooks from running, at any level."""
    from journal.doctor import Status
    from journal.doctor.settings_levels import look_at_agent, read_levels

    found = look_at_agent(read_levels(report.settings, Path.cwd()), {})
    told = [one.message for one in found if one.status is Status.ERROR]
    return [f"{one}: no hook runs" for one in told]


def _named(path: Path | None) -> Path | None:
    """A settings file that a person named. UsageError: its folder does not exist."""
    from journal.errors import UsageError

    settings = _absolute(path)
    if settings is not None and not settings.parent.is_dir():
        message = f"--settings: the folder {settings.parent} does not exist"
        raise UsageError(message, "check the spelling, or make the folder first")
    return settings


def _offer_import(app: App, settings: Path | None, dry_run: bool) -> None:
    """Say what there is from before; to a person at a terminal, offer to import it now."""
    from sync.checkup.earlier_sessions import earlier

    found = earlier(settings)
    if found is None:
        return
    command = f"journal import {shlex.quote(str(found.folder))}" if settings else "journal import"
    if dry_run or not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo(f"Found {found}.\nTo import them, so that the next session knows: {command}")
        return
    if click.confirm(f"Found {found}. Import them now?", default=True):
        from journal.cli.setup.import_ import run_import
        from sync.checkup.earlier_sessions import note_import

        if run_import(app, (found.folder,), dry_run=False, as_json=False) == 0:
            note_import(app.layout)
    else:
        click.echo(f"Later: {command}")


@click.command()
@_AGENT
@_SETTINGS
@_DRY_RUN
@pass_app
def uninstall(app: App, agent: str, settings: Path | None, dry_run: bool) -> None:
    """Take the hooks out of the agent's settings again.

    Takes out this home's hooks alone. What was recorded stays.
    """
    from journal.setup import install as installing
    from journal.setup import service as services

    report = installing.uninstall(
        app.layout, agent, _absolute(settings), now_us=app.now_us, dry_run=dry_run
    )
    click.echo(removal_text(report, services.uninstall(app.layout, dry_run=dry_run)))


def installation_text(
    report: "Installation", autostart: bool, service: "ServiceChange | None" = None
) -> str:
    """What was changed, where the backup is, what leaves the machine, what to do next."""
    would = "would be " if report.dry_run else ""
    if report.outcome == "unchanged":
        lines = [f"Already installed: nothing to change in {report.settings}."]
    else:
        lines = [f"{report.settings} {would}{report.outcome}: {_hooks(report.events)} set"]
    lines += [f"  backup    {report.backup}"] if report.backup else []
    lines += [f"  home      {report.home}", f"  run by    {report.interpreter}"]
    if report.programs:
        lines.append(f"  programs  {would}copied to {report.home / 'hooks'}")
    lines.append(f"  watcher   {'starts with a session' if autostart else 'is not started'}")
    lines += _service_lines(service, would)
    lines.append("Nothing leaves this machine unless you configure a remote.")
    if report.dry_run:
        return "\n".join([*lines, "Nothing was written (--dry-run)."])
    return "\n".join([*lines, "Next: start claude and work as always, then run: journal"])


def removal_text(report: "Removal", service: "ServiceChange | None" = None) -> str:
    """What was taken out, and that the journal stays."""
    would = "would be " if report.dry_run else ""
    if report.events:
        lines = [f"{report.settings} {would}changed: {_hooks(report.events)} taken out"]
    else:
        lines = [f"Not installed: no hook of {report.home} in {report.settings}."]
    lines += [f"  backup    {report.backup}"] if report.backup else []
    lines += _service_lines(service, would)
    lines.append(f"What was recorded stays in {report.home}.")
    return "\n".join([*lines, *(["Nothing was written (--dry-run)."] if report.dry_run else [])])


def _service_lines(change: "ServiceChange | None", would: str) -> list[str]:
    """Where the service's file is, and what a person has to run because it could not be."""
    if change is None:
        return []
    said = "is as it was" if change.outcome == "unchanged" else f"{would}{change.outcome}"
    lines = [f"  service   {change.path} {said}"]
    if change.left:
        lines.append(f"            {change.reason}; to be run:")
        lines += [f"            {shlex.join(command)}" for command in change.left]
    return lines


def _hooks(events: tuple[str, ...]) -> str:
    return f"{len(events)} {'hook' if len(events) == 1 else 'hooks'}"


def _absolute(path: Path | None) -> Path | None:
    return path.expanduser().absolute() if path else None
