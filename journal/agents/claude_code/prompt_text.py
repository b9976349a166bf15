"""A person's own words in a prompt, without what Claude Code and editors put around them.

Source: transcripts of 1.0 to 2.1.332 and the hooks reference. The same function reads the prompts
of hooks and of transcripts, so that both give the same words.
"""

import re
from typing import NamedTuple

from journal.session.meaning import Author

# Blocks that front ends and hooks put before or behind the words.
_ADDED_NAMES = (
    "ide_opened_file|ide_selection|ide_diagnostics|new-diagnostics|system-reminder"
    "|user-prompt-submit-hook|user-memory-input|editor_context|attached_files|env_context"
    "|open_and_recently_viewed_files|current_note|cursor_position"
)
_ADDED = rf"<(?P<{{name}}>{_ADDED_NAMES})\b[^>]*>.*?</(?P={{name}})>"
# They are compiled when the first prompt comes that holds a "<".
_BEFORE = r"(?s)\s*" + _ADDED.format(name="before")
_BEHIND = rf"(?s)<(?P<behind>{_ADDED_NAMES})\b[^>]*>(?:(?!<(?P=behind)\b).)*</(?P=behind)>\s*\Z"
_COMMAND = r"(?s)<command-(?P<part>name|message|args)>(?P<text>.*?)</command-(?P=part)>"
# What the agent writes itself into the place of a prompt.
_MACHINE = (
    "<task-notification",
    "<local-command-",
    "<bash-input>",
    "<bash-stdout>",
    "<bash-stderr>",
    "<teammate-message",
)
# Commands of the agent's own menu: without arguments they ask the model for nothing.
_MENU_NAMES = """
add-dir agents bashes bug clear compact config context cost doctor exit export extra-usage fast
feedback fork help hooks ide install-github-app keybindings login logout mcp memory model
output-style permissions plan plugin privacy-settings quit release-notes reload-plugins
remote-control rename resume rewind sandbox settings skills stats status statusline stickers tasks
terminal-setup theme todos upgrade usage vim
"""
_MENU = frozenset(_MENU_NAMES.split())


class Words(NamedTuple):
    """The words, and who wrote them as far as the text says ("" if it does not)."""

    text: str
    by: str


def own_words(prompt: str) -> Words:
    """What a person typed: without editor context and reminders; a slash command as one line."""
    if "<" not in prompt:
        return Words(prompt, "")
    text = _without_added(prompt)
    if not text.strip():
        return Words(prompt, Author.MACHINE)
    if text.lstrip().startswith("<command-"):
        return _command(text)
    if text.lstrip().startswith(_MACHINE):
        return Words(text, Author.MACHINE)
    return Words(text, "")


def _without_added(prompt: str) -> str:
    text = prompt
    while found := re.match(_BEFORE, text):
        text = text[found.end() :]
    while found := re.search(_BEHIND, text):
        text = text[: found.start()]
    return prompt if text == prompt else text.strip()


def _command(text: str) -> Words:
    """`/name arguments`, as it was typed; what comes after the tags is the agent's."""
    parts = {found["part"]: found["text"].strip() for found in re.finditer(_COMMAND, text)}
    name, arguments = parts.get("name", ""), parts.get("args", "")
    if not name:
        return Words(text, Author.MACHINE)
    name = name if name.startswith("/") else f"/{name}"
    if not arguments and name[1:] in _MENU:
        return Words(name, Author.MACHINE)
    return Words(f"{name} {arguments}".strip(), "")
