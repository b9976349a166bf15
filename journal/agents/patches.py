"""The patch format that models of OpenAI write, in Codex and in Copilot CLI.

`*** Begin Patch`, then for each file a line `*** Add File: PATH`, `*** Update File: PATH` (with
`*** Move to: PATH` behind it) or `*** Delete File: PATH`, and its hunks.
"""

import re
from pathlib import Path

_FILE = re.compile(r"^\*\*\* (?:Add File|Update File|Delete File|Move to): (.+?)\s*$", re.MULTILINE)


def files(patch: str, directory: str) -> tuple[str, ...]:
    """The files that a patch changes, in its order, each once; relative ones below `directory`."""
    return tuple(dict.fromkeys(str(Path(directory) / path) for path in _FILE.findall(patch)))
