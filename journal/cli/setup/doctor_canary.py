"""The last check of `journal doctor`: a record sent through the installed hook, and found again."""

import os
from typing import TYPE_CHECKING

from journal.cli.app import App
from journal.cli.waiting import polling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from journal.doctor import Finding
    from journal.doctor.agents import Installed
    from journal.doctor.canary import Canary
    from journal.doctor.hooks import Wish
    from journal.doctor.settings_levels import Level
    from journal.setup.capture import Capture

WAIT_SECONDS = 10.0


def send(app: App, wish: "Wish", read: "list[Level]", is_usable: bool) -> "list[Finding]":
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


def send_for(app: App, one: "Installed", is_usable: bool) -> "list[Finding]":
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
