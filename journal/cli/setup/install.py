"""`journal install` and `journal uninstall`: the hooks in the agents' own files."""

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app
from journal.cli.screen.installation import installation_text, removal_text
from journal.cli.screen.output import clean
from journal.cli.screen.output import report as tell
from journal.cli.setup.servers import register_servers, unregister_servers
from journal.cli.setup.trust import offer_trust, trusted_hooks, withdraw_trust
from journal.errors import UsageError

ATTEMPTS = 10  # while other programs change the agent's settings

if TYPE_CHECKING:
    from journal.agents.contract import Agent
    from journal.setup.install import Installation, Removal

_DEFAULT = "claude-code"  # if none is named and none is found, or --settings says where
_AGENTS = click.argument("agents", nargs=-1, metavar="[AGENT]...")
_SETTINGS = click.option(
    "--settings",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The file with the hooks of one agent (default: the agent's own file of this user).",
)
_DRY_RUN = click.option("--dry-run", is_flag=True, help="Print what would be done; write nothing.")


@click.command()
@_AGENTS
@_SETTINGS
@click.option(
    "--service",
    is_flag=True,
    help="Also run `journal watch` as a service of this user (systemd, launchd).",
)
@click.option(
    "--trust/--no-trust",
    default=None,
    help="Trust the hooks, or do not, without being asked (Codex).",
)
@click.option(
    "--no-mcp",
    is_flag=True,
    help="Do not register `journal mcp`, which agents use to search earlier sessions.",
)
@_DRY_RUN
@pass_app
def install(
    app: App,
    agents: tuple[str, ...],
    settings: Path | None,
    service: bool,
    trust: bool | None,
    no_mcp: bool,
    dry_run: bool,
) -> None:
    """Record the sessions of agents from now on.

    AGENT is claude-code, codex, copilot-cli, opencode, gemini-cli or qwen-code. Without AGENT it
    takes every agent that it finds on this machine, or Claude Code if it finds none. It adds hooks
    to the agent's configuration, keeps everything else in it, and registers `journal mcp`. Running
    it again changes nothing, except that it renews both after an upgrade.
    """
    from journal.setup import install as installing
    from journal.setup import service as services

    file = _absolute(settings)
    installing.check_possible()
    chosen, absent = _chosen(agents, file)
    if service:
        services.install(app.layout, dry_run=True)  # refuses before anything is written

    reports: list[Installation] = []
    for agent in chosen:
        with _refusal(agent, alone=len(chosen) == 1):
            reports.append(_installed(app, agent, file, dry_run))
    change = services.install(app.layout, dry_run=dry_run) if service and reports else None
    if reports:
        tell(installation_text(reports, app.settings.capture.autostart, change, absent))
    for report in reports:
        for warning in (*report.warnings, *_switched_off(report)):
            tell(f"journal: {warning}", err=True)
    if file is None and not no_mcp:
        register_servers(app, [report.agent for report in reports], dry_run)
    for report in reports:
        offer_trust(report, trust)
    if any(report.outcome != "unchanged" for report in reports):
        _offer_import(app, file, dry_run)
    if len(reports) < len(chosen):
        click.get_current_context().exit(2)


def _chosen(names: tuple[str, ...], settings: Path | None) -> "tuple[list[Agent], list[str]]":
    """The agents that are named or else found, and the labels of those that were not found."""
    from journal.agents import AGENTS
    from journal.setup import install as installing

    if named := _named(names, settings):
        return named, []
    found = installing.found_agents(os.environ)
    found = found or [installing.known(_DEFAULT)]  # `install` says that it was not found
    return found, [agent.label for agent in AGENTS.values() if agent not in found]


def _named(names: tuple[str, ...], settings: Path | None) -> "list[Agent]":
    """The agents that are named; with --settings exactly one."""
    from journal.setup import install as installing

    names = tuple(dict.fromkeys(names))
    if settings is not None and not names:
        names = (_DEFAULT,)
    if settings is not None and len(names) > 1:
        raise UsageError("--settings names the file of one agent", "name one agent")
    return [installing.known(name) for name in names]


@contextmanager
def _refusal(agent: "Agent", *, alone: bool) -> Iterator[None]:
    """What is refused for one agent of several is said, and the others go on."""
    try:
        yield
    except UsageError as error:
        if alone:
            raise
        hint = f" ({error.hint})" if error.hint else ""
        tell(f"journal: {agent.label}: refused: {error}{hint}", err=True)


def _installed(app: App, agent: "Agent", file: Path | None, dry_run: bool) -> "Installation":
    """Install the hooks of one agent, again if another program changed the settings meanwhile."""
    import random
    import time

    from journal.setup import install as installing
    from journal.setup.settings_writing import ChangedError

    put = partial(
        installing.install,
        app.layout,
        agent.name,
        file,
        durable=app.settings.capture.durable,
        now_us=app.now_us,
        autostart=app.settings.capture.autostart,
        dry_run=dry_run,
    )
    for _ in range(ATTEMPTS - 1):
        try:
            return put()
        except ChangedError:  # several installs at once: each begins with what it finds
            time.sleep(random.uniform(0.05, 0.25))
    return put()


def _switched_off(report: "Installation") -> list[str]:
    """What else keeps hooks from running, at the other levels of Claude Code's settings."""
    from journal.doctor import Status
    from journal.doctor.agents import CLAUDE_CODE
    from journal.doctor.settings_levels import look_at_agent, read_levels

    if report.agent.name != CLAUDE_CODE:
        return []
    found = look_at_agent(read_levels(report.settings, Path.cwd()), {})
    reported = [one.message for one in found if one.status is Status.ERROR]
    own = f"disableAllHooks is set in {report.settings}"  # `install` warns of it
    return [f"{one}: no hook runs" for one in reported if one != own]


def _offer_import(app: App, settings: Path | None, dry_run: bool) -> None:
    """Say what there is from before; to a person at a terminal, offer to import it now."""
    from sync.checkup.earlier_sessions import earlier

    found = earlier(app.layout, app.settings, settings)
    if found is None:
        return
    named = f" {shlex.quote(str(found.folders[0]))}" if settings else ""
    command = f"journal import{named}"
    if dry_run or not (sys.stdin.isatty() and sys.stdout.isatty()):
        tell(clean(f"Found {found}.\nTo import them: {command}"))
        return
    if click.confirm(f"Found {found}. Import them now?", default=True):
        from journal.cli.setup.import_ import run_import
        from sync.checkup.earlier_sessions import note_import

        if run_import(app, found.folders if settings else (), dry_run=False, as_json=False) == 0:
            note_import(app.layout)
    else:
        tell(clean(f"Later: {command}"))


@click.command()
@_AGENTS
@_SETTINGS
@_DRY_RUN
@pass_app
def uninstall(app: App, agents: tuple[str, ...], settings: Path | None, dry_run: bool) -> None:
    """Remove the hooks from the agents' configuration.

    Without AGENT it removes them from every agent, also hooks of other homes. Recorded sessions
    are kept.
    """
    from journal.agents import AGENTS
    from journal.setup import install as installing
    from journal.setup import service as services

    file = _absolute(settings)
    chosen = _named(agents, file) or installing.installed_agents(os.environ)
    if file is None:
        unregister_servers(app, chosen if agents else list(AGENTS.values()), dry_run)
    reports: list[Removal] = []
    trusted = {agent.name: trusted_hooks(agent, file) for agent in chosen}
    for agent in chosen:
        with _refusal(agent, alone=len(chosen) == 1):
            reports.append(
                installing.uninstall(
                    app.layout, agent.name, file, now_us=app.now_us, dry_run=dry_run
                )
            )
    service = services.uninstall(app.layout, dry_run=dry_run)
    tell(removal_text(reports, app.layout.home, service, dry_run=dry_run))
    for report in [] if dry_run else reports:
        withdraw_trust(report.agent, trusted[report.agent.name])
    if len(reports) < len(chosen):
        click.get_current_context().exit(2)


def _absolute(path: Path | None) -> Path | None:
    return path.expanduser().absolute() if path else None
