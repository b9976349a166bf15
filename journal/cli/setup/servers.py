"""`journal mcp` in the agents' lists of servers, as `install` and `uninstall` change and report it.

A list that cannot be changed is reported, and leaves the hooks as they are.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from journal.cli.app import App
from journal.cli.screen.installation import registration_text
from journal.cli.screen.output import report as tell
from journal.errors import JournalError

if TYPE_CHECKING:
    from journal.agents.contract import Agent


def register_servers(app: App, agents: "list[Agent]", dry_run: bool) -> None:
    """These agents know the server of this home."""
    from journal.setup import mcp_servers

    for agent in agents:
        with _refusal(agent):
            done = mcp_servers.register(app.layout, agent, os.environ, app.now_us, dry_run=dry_run)
            if done is not None:
                tell(registration_text(done, dry_run))


def unregister_servers(app: App, agents: "list[Agent]", dry_run: bool) -> None:
    """Remove our server from these agents."""
    from journal.setup import mcp_servers

    for agent in agents:
        with _refusal(agent):
            done = mcp_servers.unregister(agent, os.environ, app.now_us, dry_run=dry_run)
            if done is not None and done.outcome == "removed":
                tell(registration_text(done, dry_run))


@contextmanager
def _refusal(agent: "Agent") -> Iterator[None]:
    try:
        yield
    except JournalError as error:
        hint = f" ({error.hint})" if error.hint else ""
        tell(f"journal: {agent.label}: journal mcp: {error}{hint}", err=True)
