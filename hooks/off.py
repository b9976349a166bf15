"""Whether capture is off for the project that a hook is about.

`journal off --here` leaves a file in the home's `off.d/` whose name is the fingerprint of the
project's folder. Loaded only where there is such a folder, so that other projects do not wait for
it.
"""

import os

from hooks import emit
from hooks.git_files import PATH_CHARS
from hooks.project import folders

# Where the agent's session began; its own directory may be another one by now. The others run
# their hooks where the session began.
_BEGAN = {
    "claude-code": "CLAUDE_PROJECT_DIR",
    "copilot-cli": "COPILOT_PROJECT_DIR",
    "gemini-cli": "GEMINI_PROJECT_DIR",
    "qwen-code": "QWEN_PROJECT_DIR",
}


def marker(home: str, folder: str) -> str:
    """The file that says that capture is off in `folder`: absolute, without symlinks."""
    return f"{home}/off.d/{emit.fingerprint(folder)}"


def covering(home: str, directory: str) -> str:
    """The folder whose marker covers `directory`; "" if there is none.

    A marker covers everything below its folder, and the linked worktrees of a repository there.
    """
    for start in folders(directory):
        folder, below = start, ""
        while folder != below and len(folder) <= PATH_CHARS:
            if os.path.exists(marker(home, folder)):
                return folder
            folder, below = os.path.dirname(folder), folder
    return ""


def is_off_here(home: str, agent: str) -> bool:
    """Whether a marker covers the directory of this process, or where the session began."""
    began = os.environ.get(_BEGAN.get(agent, ""), "")
    return any(covering(home, directory) != "" for directory in (os.curdir, began) if directory)
