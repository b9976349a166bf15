"""OpenCode: the plugin that replaces hooks, its tools and how it is set up.

Read `plugin.js` (what is sent to the journal) and `hooks` (what it means) first; `install` says
where the plugin goes.
"""

from journal.agents.contract import Agent
from journal.agents.opencode import hooks
from journal.agents.opencode.install import SETUP
from journal.agents.opencode.transcript import TRANSCRIPTS

AGENT = Agent(
    name="opencode",
    label="OpenCode",
    meaning=hooks.meaning,
    prompts=hooks.PROMPTS,
    setup=SETUP,
    transcripts=TRANSCRIPTS,
)
