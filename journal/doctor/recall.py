"""Whether the agents that are recorded can also ask the journal: `journal mcp` in their lists."""

import os
from collections.abc import Iterator

from journal.agents.contract import Agent
from journal.doctor import Finding, Repair, Voice
from journal.doctor.agents import installed
from journal.errors import JournalError
from journal.layout import Layout
from journal.setup import mcp_servers


def look_at_recall(layout: Layout, now_us: int) -> list[Finding]:
    """Every agent with hooks of this home starts this home's server, with a program that runs."""
    agents = [one.agent for one in installed(layout) if one.agent.setup.servers is not None]
    say = Voice("recall")
    found = [finding for agent in agents for finding in _look(say, layout, agent, now_us)]
    return found or [say.ok("no agent with hooks of this home can use journal mcp")]


def _look(say: Voice, layout: Layout, agent: Agent, now_us: int) -> Iterator[Finding]:
    again = f"run: journal install {agent.name}"
    try:
        known = mcp_servers.registered_command(agent, os.environ)
        is_wanted = known == mcp_servers.server_command(layout)
        if not is_wanted:  # UsageError: another server has our name
            mcp_servers.register(layout, agent, os.environ, now_us, dry_run=True)
    except JournalError as error:
        yield say.error(f"{agent.label}: {error}", error.hint)
        return
    repair = _register(layout, agent, now_us)
    if is_wanted:
        yield say.ok(f"{agent.label}: journal mcp is registered")
    elif not known:
        hint = f"{again}; recording does not depend on it"
        yield say.warning(f"{agent.label}: journal mcp is not registered", hint)
    elif not os.access(known[0], os.X_OK):
        message = f"{agent.label}: the interpreter that runs journal mcp does not exist: {known[0]}"
        yield say.error(message, again, repair)
    else:
        message = f"{agent.label}: journal mcp is not as this version registers it"
        yield say.error(message, again, repair)


def _register(layout: Layout, agent: Agent, now_us: int) -> Repair:
    def repair() -> str:
        mcp_servers.register(layout, agent, os.environ, now_us)
        return f"{agent.label}: journal mcp registered again"

    return repair
