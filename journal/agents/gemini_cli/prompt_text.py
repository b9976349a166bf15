"""What a person said to Gemini CLI: prompts without what the program and hooks put around them."""

import re
from collections.abc import Mapping
from typing import Any

from journal.agents.transcript_entry import objects, text
from journal.session.own_words import without_frames

_CONTEXT = re.compile(r"\A<hook_context>.*?</hook_context>\s*", re.DOTALL)
_NO_PERSON = ("<session_context>", "<hook_context>", "--- Content from referenced files ---")


def without_hook_context(words: str) -> str:
    """A prompt without the context that hooks gave in front of it."""
    while found := _CONTEXT.match(words):
        words = words[found.end() :]
    return words


def prompt_text(fields: Mapping[str, Any]) -> str:
    """The person's words in a record of the user; "" if it holds results of tools only."""
    shown = fields.get("displayContent") or fields.get("content")
    if isinstance(shown, str):
        parts = [shown]
    else:
        parts = [text(part, "text") for part in objects({"content": shown}, "content")]
    said = [without_hook_context(part) for part in parts]
    kept = [part for part in said if part and not part.startswith(_NO_PERSON)]
    return without_frames("\n".join(kept)).strip()
