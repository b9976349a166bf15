"""The checks of `journal doctor`, in the order in which they are shown."""

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from journal.cli.app import App
from journal.cli.setup import doctor_canary
from journal.errors import UsageError
from journal.printable import one_line

if TYPE_CHECKING:
    from journal.doctor import Check, Finding
    from journal.doctor.hooks import Wish
    from journal.doctor.settings_levels import Level
    from journal.settings.sources import Settings
    from journal.setup.install import Installation
    from sync.checkup import Subject

_MOST_NAMED = 3  # transcripts that were not copied


def checks(app: App, file: Path | None) -> "list[tuple[str, Check]]":
    """All checks in the order in which they are shown; later ones rest on earlier repairs.

    `file`: the settings of Claude Code, if they are not the user's.
    """
    from journal.doctor import agents
    from journal.doctor.hooks import Wish
    from journal.setup import settings_file

    settings, config = _settings(app)
    is_usable = config.status == "ok"
    path = file.expanduser().absolute() if file else settings_file.default_path()
    capture = settings.capture
    wish = Wish(
        app.layout, path, capture.durable, capture.autostart, app.now_us, is_certain=is_usable
    )
    others = [one for one in agents.installed(app.layout) if one.agent.name != agents.CLAUDE_CODE]
    # Without Claude Code on the machine, nothing of it is wrong.
    is_claude = file is not None or path.parent.is_dir() or not others
    made = [
        *_of_home(app, config),
        *(_of_claude(wish, path) if is_claude else []),
        *_of_agents(app, settings),
        *(_of_transcripts(path) if is_claude else []),
        *_of_sync(_subject(app, settings, is_usable), settings),
        *(_of_canaries(app, wish, path, is_usable) if is_claude else []),
    ]
    return made + [
        ("canary", partial(doctor_canary.send_for, app, one, is_usable)) for one in others
    ]


def _of_home(app: App, config: "Finding") -> "list[tuple[str, Check]]":
    from journal.doctor import home

    layout = app.layout
    return [
        ("home", lambda: home.look_at_home(layout)),
        ("rights", lambda: home.look_at_rights(layout)),
        ("disk", lambda: home.look_at_disk(layout)),
        ("settings", lambda: [config]),
    ]


def _of_claude(wish: "Wish", path: Path) -> "list[tuple[str, Check]]":
    from journal.doctor import hooks, settings_levels

    return [
        ("agent", lambda: settings_levels.look_at_agent(_levels(path), os.environ)),
        ("hooks", lambda: hooks.look_at_hooks(wish, _levels(path))),
    ]


def _of_agents(app: App, settings: "Settings") -> "list[tuple[str, Check]]":
    from journal.doctor import activity, agents, recall

    layout, put = app.layout, partial(_put, app, settings)
    return [
        ("agents", lambda: agents.look_at_agents(layout, put)),
        ("recall", lambda: recall.look_at_recall(layout, app.now_us)),
        ("capture", lambda: activity.look_at_capture(layout)),
    ]


def _of_transcripts(path: Path) -> "list[tuple[str, Check]]":
    from journal.doctor import settings_levels

    return [("transcripts", lambda: settings_levels.look_at_retention(_levels(path)))]


def _of_sync(subject: "Subject", settings: "Settings") -> "list[tuple[str, Check]]":
    from sync.checkup import running, stored

    return [
        ("watcher", lambda: running.look_at_watcher(subject)),
        ("database", lambda: stored.look_at_database(subject)),
        ("spool", lambda: stored.look_at_spool(subject)),
        ("backlog", lambda: stored.look_at_backlog(subject)),
        ("refused", lambda: stored.look_at_dead(subject)),
        ("redaction", lambda: stored.look_at_redaction(subject)),
        ("remote", lambda: running.look_at_remote(subject)),
        ("memory", lambda: running.look_at_memory(subject)),
        ("clock", lambda: stored.look_at_clock(subject)),
        ("activity", lambda: _look_at_activity(subject, settings)),
    ]


def _of_canaries(app: App, wish: "Wish", path: Path, is_usable: bool) -> "list[tuple[str, Check]]":
    return [("canary", lambda: doctor_canary.send(app, wish, _levels(path), is_usable))]


def _levels(path: Path) -> "list[Level]":
    from journal.doctor import settings_levels

    return settings_levels.read_levels(path, Path.cwd())


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


def _look_at_activity(subject: "Subject", settings: "Settings") -> "list[Finding]":
    from journal.doctor import Voice, activity
    from journal.setup import settings_file
    from sync.checkup.earlier_sessions import compare

    last_us = subject.condition.last_us
    agent_folder = settings_file.default_path().parent
    found = activity.look_at_activity(subject.layout, agent_folder, last_us, subject.now_us)
    kept = compare(subject.layout, settings.capture.transcript_roots)
    if kept.not_imported:
        found.append(Voice("activity").warning(kept.not_imported, "run: journal import"))
    hint = "what the hooks reported is recorded, without tokens and what was said on the way"
    for number, one in enumerate(kept.uncopied[:_MOST_NAMED], 1):
        text = one_line(f"the transcript of {one.session} was not copied: {one.path} {one.why}")
        left = len(kept.uncopied) - number if number == _MOST_NAMED else 0
        more = f"; {left:,} more" if left else ""
        found.append(Voice("activity").warning(text + more, hint))
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
        return f"synced {count(app.sync(doctor_canary.WAIT_SECONDS).read, 'record')}"

    def rebuild() -> str:
        started = time.monotonic()
        rebuilt = app.sync(doctor_canary.WAIT_SECONDS, rebuild=True).rebuilt
        seconds = time.monotonic() - started
        return " ".join(rebuilt_text(rebuilt, seconds).split()) if rebuilt else ""

    repairs = (run_pass, rebuild) if is_usable else (None, None)
    return Subject(app.layout, settings, os.environ, app.now_us, *repairs)
