"""Claude Code: its hooks, its tools, its transcripts and how it is set up.

Read `hooks` (what a payload means) and `tools` first; `transcript_lines` says what is kept of a
transcript's line, `transcript_meaning` what a kept line means, `torn_lines` reads damaged ones;
`install` says where hooks are registered.
"""

from journal.agents.claude_code import hooks
from journal.agents.claude_code.install import SETUP
from journal.agents.contract import Agent

AGENT = Agent(
    name="claude-code",
    label="Claude Code",
    meaning=hooks.meaning,
    prompts=hooks.PROMPTS,
    setup=SETUP,
)
