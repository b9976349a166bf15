"""Qwen Code: its hooks and how it is set up; its tools are Gemini CLI's.

Read `hooks` (what a payload means) first; `install` says where hooks are registered.
"""

from journal.agents.contract import Agent
from journal.agents.qwen_code import hooks
from journal.agents.qwen_code.install import SETUP
from journal.agents.qwen_code.transcript import TRANSCRIPTS

AGENT = Agent(
    name="qwen-code",
    label="Qwen Code",
    meaning=hooks.meaning,
    prompts=hooks.PROMPTS,
    setup=SETUP,
    transcripts=TRANSCRIPTS,
)
