"""`journal doctor`: what is right, what is wrong, and what to do about it."""

import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from journal.cli.app import App, pass_app, polling
from journal.cli.screen.output import print_json
from journal.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from journal.doctor import Check, Finding
    from journal.doctor.agents import Installed
    from journal.doctor.canary import Canary
    from journal.doctor.hooks import Wish
    from journal.doctor.settings_levels import Level
    from journal.settings.sources import Settings
    from journal.setup.capture import Capture
    from journal.setup.install import Installation
    from sync.checkup import Subject

WAIT_SECONDS = 10.0
_MARKS = {"ok": "\u2713", "warning": "!", "error": "\u2717"}
_ASCII_MARKS = {"ok": "+", "warning": "!", "error": "x"}
_STYLES = {"ok": "green", "warning": "bold yellow", "error": "bold red"}


@click.command()
@click.option("--fix", is_flag=True, help="Repair what is safe to repair.")
@click.option(
    "--settings",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The agent's settings, if the hooks were installed into another file than the user's.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per check.")
@pass_app
def doctor(app: App, fix: bool, settings: Path | None, as_json: bool) -> None:
    """Check the installation and say what to do.

    Sends a test record through the installed hook, as the agent would, finds it in the database and
    deletes it. Exits with 1 if there is an error, and with 0 if there are only warnings.

    --fix corrects the permissions of the home, renews outdated or missing hooks (if any are
    installed), syncs the records in the spool, and replaces a damaged database if nothing is lost
    by that. Locks need no repair: a lock ends with its process.
    """
    from journal.doctor import Status, examine

    found: list[Finding] = []
    for name, check in checks(app, settings):
        for finding in examine(name, check, fix=fix):
            found.append(finding)
            if as_json:
                print_json(finding_json(finding))
    if not as_json:
        _print_text(found, fix)
    if any(finding.status is Status.ERROR for finding in found):
        click.get_current_context().exit(1)


def finding_json(finding: "Finding") -> dict[str, object]:
    """A finding in the shape of the public interface."""
    return {
        "check": finding.check,
        "status": finding.status.value,
        "message": finding.message,
        "hint": finding.hint or None,
        "fixed": finding.fixed,
    }


def checks(app: App, file: Path | None) -> "list[tuple[str, Check]]":
    """All checks in the order in which they are shown; later ones rest on earlier repairs."""
    from journal.doctor import activity, agents, home, hooks, recall, settings_levels
    from journal.setup import settings_file
    from sync.checkup import running, stored

    layout = app.layout
    settings, config = _settings(app)
    is_usable = config.status == "ok"
    path = file.expanduser().absolute() if file else settings_file.default_path()
    agent_folder = settings_file.default_path().parent
    capture = settings.capture
    wish = hooks.Wish(
        layout, path, capture.durable, capture.autostart, app.now_us, is_certain=is_usable
    )
    subject = _subject(app, settings, is_usable)

    def read() -> list[settings_levels.Level]:
        return settings_levels.read_levels(path, Path.cwd())

    put = partial(_put, app, settings)
    others = [one for one in agents.installed(layout) if one.agent.name != agents.CLAUDE_CODE]
    # Without Claude Code on the machine, nothing of it is wrong.
    is_claude = file is not None or path.parent.is_dir() or not others
    of_claude: dict[str, Check] = {
        "agent": lambda: settings_levels.look_at_agent(read(), os.environ),
        "hooks": lambda: hooks.look_at_hooks(wish, read()),
        "transcripts": lambda: settings_levels.look_at_retention(read()),
    }
    checks: list[tuple[str, Check]] = [
        ("home", lambda: home.look_at_home(layout)),
        ("rights", lambda: home.look_at_rights(layout)),
        ("disk", lambda: home.look_at_disk(layout)),
        ("settings", lambda: [config]),
        ("agent", of_claude["agent"]),
        ("hooks", of_claude["hooks"]),
        ("agents", lambda: agents.look_at_agents(layout, put)),
        ("recall", lambda: recall.look_at_recall(layout, app.now_us)),
        ("capture", lambda: activity.look_at_capture(layout)),
        ("transcripts", of_claude["transcripts"]),
        ("watcher", lambda: running.look_at_watcher(subject)),
        ("database", lambda: stored.look_at_database(subject)),
        ("spool", lambda: stored.look_at_spool(subject)),
        ("backlog", lambda: stored.look_at_backlog(subject)),
        ("refused", lambda: stored.look_at_dead(subject)),
        ("redaction", lambda: stored.look_at_redaction(subject)),
        ("remote", lambda: running.look_at_remote(subject)),
        ("memory", lambda: running.look_at_memory(subject)),
        ("clock", lambda: stored.look_at_clock(subject)),
        ("activity", lambda: _look_at_activity(subject, settings, agent_folder)),
        ("canary", lambda: _fly(app, wish, read(), is_usable)),
        *(("canary", partial(_fly_for, app, one, is_usable)) for one in others),
    ]
    left_out = set() if is_claude else {*of_claude, "canary"}
    return [
        (name, check)
        for name, check in checks
        if name not in left_out or isinstance(check, partial)
    ]


def _put(app: App, settings: "Settings", agent: str, dry_run: bool) -> "Installation":
    """Install the hooks of an agent again."""
    from journal.setup.install import install

    durable, autostart = settings.capture.durable, settings.capture.autostart
    return install(
        app.layout,
        agent,
        None,
        durable=durable,
        now_us=app.now_us,
        autostart=autostart,
        dry_run=dry_run,
    )


def _look_at_activity(
    subject: "Subject", settings: "Settings", agent_folder: Path
) -> "list[Finding]":
    from journal.doctor import Voice, activity
    from sync.checkup.earlier_sessions import not_imported

    last_us = subject.condition.last_us
    found = activity.look_at_activity(subject.layout, agent_folder, last_us, subject.now_us)
    if earlier := not_imported(subject.layout, settings):
        found.append(Voice("activity").warning(earlier, "run: journal import"))
    return found


def _settings(app: App) -> "tuple[Settings, Finding]":
    """The settings, or the defaults if they cannot be read, and what is to be said of them."""
    from journal.doctor import Voice
    from journal.settings.sources import Settings

    say = Voice("settings")
    try:
        settings = app.settings
    except UsageError as error:
        return Settings(), say.error(str(error), error.hint)
    is_there = app.layout.config.exists()
    return settings, say.ok(str(app.layout.config) if is_there else "the defaults")


def _subject(app: App, settings: "Settings", is_usable: bool) -> "Subject":
    from journal.cli.screen.sync_report import rebuilt_text
    from journal.doctor import count
    from sync.checkup import Subject

    def run_pass() -> str:
        return f"synced {count(app.sync(WAIT_SECONDS).read, 'record')}"

    def rebuild() -> str:
        started = time.monotonic()
        rebuilt = app.sync(WAIT_SECONDS, rebuild=True).rebuilt
        seconds = time.monotonic() - started
        return " ".join(rebuilt_text(rebuilt, seconds).split()) if rebuilt else ""

    repairs = (run_pass, rebuild) if is_usable else (None, None)
    return Subject(app.layout, settings, os.environ, app.now_us, *repairs)


def _fly(app: App, wish: "Wish", read: "list[Level]", is_usable: bool) -> "list[Finding]":
    """Send the canary, or say why it is not sent."""
    from journal.doctor import canary, hooks, settings_levels

    commands = hooks.commands_of(wish, read)
    environ = {**os.environ, **settings_levels.variables(read)}
    made = canary.make(commands)
    reason = _why_not_sent(app, environ, is_usable)
    if not commands:
        reason = "no hook of this home is installed"
    elif made is None:
        reason = "the installed hooks would leave a test session behind"
    return _sent(app, made, environ, reason)


def _fly_for(app: App, one: "Installed", is_usable: bool) -> "list[Finding]":
    """The same for another agent."""
    from dataclasses import replace

    from journal.doctor import canary

    made = canary.make(one.commands, one.agent.name, (one.agent.setup.canary,))
    reason = "" if made else "the installed hooks would leave a test session behind"
    found = _sent(app, made, dict(os.environ), reason or _why_not_sent(app, os.environ, is_usable))
    label = one.agent.label
    return [replace(finding, message=f"{label}: {finding.message}") for finding in found]


def _why_not_sent(app: App, environ: "Mapping[str, str]", is_usable: bool) -> str:
    """Why no canary is sent, for any agent; "" if one can be sent."""
    from journal.setup import capture
    from journal.setup.hook_command import SILENCE

    if environ.get(SILENCE) == "1" or _is_off(capture.look(app.layout, "/")):
        return "the hooks are set to record nothing"
    return "" if is_usable else "nothing may be stored while the settings cannot be read"


def _sent(app: App, made: "Canary | None", environ: dict[str, str], reason: str) -> "list[Finding]":
    from journal.doctor import Voice
    from sync.checkup.canary import fly

    if made is None or reason:
        return [
            Voice("canary").warning(
                f"not sent: {reason}", "fix the errors above, then run doctor again"
            )
        ]
    return fly(
        app.layout,
        made,
        environ,
        app.now_us,
        lambda: app.sync(WAIT_SECONDS),
        polling(WAIT_SECONDS),
    )


def _is_off(found: "Capture") -> bool:
    return found.off or found.here != ""


def _print_text(found: "list[Finding]", fix: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from journal.cli.screen.tables import print_rich, screen

    marks = {name: _printable(mark, _ASCII_MARKS[name]) for name, mark in _MARKS.items()}
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for one in found:
        status = one.status.value
        said = f"repaired: {one.message}" if one.fixed else one.message
        mark = Text(marks[status], style=_STYLES[status])
        table.add_row(mark, Text(one.check), Text(_printable(said)))
        if one.hint:
            table.add_row("", "", Text(_printable(one.hint), style="dim"))
    print_rich(screen(), table, Text(_sum(found, fix), style="bold"))


def _sum(found: "list[Finding]", fix: bool) -> str:
    """How much is wrong, and what of it can be repaired."""
    from journal.doctor import count

    errors = sum(one.status == "error" for one in found)
    warnings = sum(one.status == "warning" for one in found)
    parts = [count(errors, "error")] if errors else []
    parts += [count(warnings, "warning")] if warnings else []
    text = f"{' and '.join(parts)}." if parts else "No problems."
    if not fix and any(one.repair for one in found):
        text += " To repair what is safe to repair: journal doctor --fix"
    return text


def _printable(text: str, instead: str | None = None) -> str:
    """One line that standard output can show; `instead`, if given, of what it cannot."""
    from journal.printable import one_line

    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    line = one_line(text)
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        return line.encode(encoding, "replace").decode(encoding) if instead is None else instead
    return line
