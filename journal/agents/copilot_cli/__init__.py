"""Copilot CLI: its hooks, its tools and how it is set up.

Read `hooks` (what a payload means) and `tools` first; `install` says where hooks are registered.
"""

from journal.agents.contract import Agent
from journal.agents.copilot_cli import hooks
from journal.agents.copilot_cli.install import SETUP
from journal.agents.copilot_cli.transcript import TRANSCRIPTS

AGENT = Agent(
    name="copilot-cli",
    label="Copilot CLI",
    meaning=hooks.meaning,
    prompts=hooks.PROMPTS,
    setup=SETUP,
    transcripts=TRANSCRIPTS,
)
