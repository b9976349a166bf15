"""How a call ended, in a few words: `+4 -1`, `2 failed, 14 passed`, `exit 1`, `37 lines`."""

import re
from typing import Any

from journal.printable import one_line
from journal.session.outputs import text_of
from sync.pages.edits import Change

WORDS_CHARS = 90
_TAIL_CHARS = 4_000  # test programs say at their end how it went
# pytest, cargo test, jest and vitest, mocha, go test, unittest
_TESTS = (
    re.compile(r"=+ ((?:\d+ \w+,? ?)+)in [\d.]+\s?m?s"),
    re.compile(
        r"^((?:\d+ (?:passed|failed|errors?|skipped|xfailed|xpassed|warnings?),? ?)+)in ", re.M
    ),
    re.compile(r"test result: \w+\. (\d+ passed; \d+ failed)"),
    re.compile(r"^\s*Tests:?\s+((?:\d+ \w+[,|]? ?)+)", re.M),
    re.compile(r"^\s*(\d+ passing(?:.*\n\s*\d+ failing)?)", re.M),
    re.compile(r"^(FAILED \([^)\n]{1,60}\))$", re.M),
)
_EXIT = re.compile(r"Exit code (\d{1,10})\b")


def outcome(action: str, changed: Change | None, gave_back: Any, failed: bool) -> str:
    """Plain words on one line; empty if there is nothing to say but that it ended."""
    if failed:
        return _tests(text_of(gave_back)) or _failure(text_of(gave_back))
    if changed is not None:
        return f"+{changed.added} \u2212{changed.removed}"
    if action == "run":
        return _tests(text_of(gave_back))
    if action == "read":
        text = text_of(gave_back).removesuffix("\n")
        number = text.count("\n") + 1
        return f"{number:,} line{'' if number == 1 else 's'}" if text else ""
    return ""


def _tests(text: str) -> str:
    tail = text[-_TAIL_CHARS:]
    for pattern in _TESTS:
        found = list(pattern.finditer(tail))
        if found:
            return _short(found[-1][1].strip(" ,|=").replace(";", ","))
    return ""


def _failure(text: str) -> str:
    """The exit code, or the first line that says something."""
    if found := _EXIT.match(text):
        return f"exit {found[1]}"
    return _short(next((line for line in text.split("\n") if line.strip()), ""))


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= WORDS_CHARS else line[: WORDS_CHARS - 1].rstrip() + "…"
