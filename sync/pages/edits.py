"""What a call changed in a file, as lines that were taken out and put in.

The agent's own patch counts where there is one (Claude Code's `structuredPatch`, a patch as Codex
writes it), else the texts that the tool was given are compared.
"""

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any, NamedTuple

CONTEXT_LINES = 3
MOST_LINES = 1_500  # of a text that is compared; comparing takes the square of it
# How agents call the text before and after (Claude Code, Gemini and Qwen; opencode; Copilot).
_PAIRS = (("old_string", "new_string"), ("oldString", "newString"), ("old_str", "new_str"))
_WHOLE = ("content", "file_text", "new_source")
_PATCH = ("patch", "input", "patchText")
_PATCH_BEGINS = "*** Begin Patch"


class Line(NamedTuple):
    """A line of a change: `sign` is `+`, `-`, ` ` or `@` (lines are left out here)."""

    sign: str
    text: str


class Change(NamedTuple):
    """What a call changed."""

    lines: list[Line]

    @property
    def added(self) -> int:
        """How many lines were put in."""
        return sum(line.sign == "+" for line in self.lines)

    @property
    def removed(self) -> int:
        """How many lines were taken out."""
        return sum(line.sign == "-" for line in self.lines)


def change(given: Any, gave_back: Any) -> Change | None:
    """The change of a call by its input and output; None: it changed no file as far as they say."""
    if not isinstance(given, Mapping):
        return None
    patch = gave_back.get("structuredPatch") if isinstance(gave_back, Mapping) else None
    lines = list(_structured(patch)) or list(_patched(given)) or list(_compared(given))
    if not lines:
        lines = list(_written(given))
    return Change(lines) if lines else None


def _structured(patch: Any) -> Iterator[Line]:
    """Claude Code reports its edits as hunks."""
    for number, hunk in enumerate(patch if isinstance(patch, list) else ()):
        found = hunk.get("lines") if isinstance(hunk, Mapping) else None
        if not isinstance(found, list):
            continue
        start = hunk.get("newStart")
        yield Line("@", f"line {start}" if isinstance(start, int) else "…" if number else "")
        for line in found:
            if isinstance(line, str) and line[:1] in ("+", "-", " "):
                yield Line(line[0], line[1:])


def _patched(given: Mapping[str, Any]) -> Iterator[Line]:
    """A patch in the form of Codex."""
    texts = (given.get(key) for key in _PATCH)
    patch = next((t for t in texts if isinstance(t, str) and t.startswith(_PATCH_BEGINS)), "")
    for line in patch.split("\n")[1:] if patch else ():
        if line.startswith("*** End"):
            return
        if line.startswith(("***", "@@")):
            yield Line("@", line.strip("*@ "))
        elif line[:1] in ("+", "-", " "):
            yield Line(line[0], line[1:])


def _compared(given: Mapping[str, Any]) -> Iterator[Line]:
    edits = given.get("edits")
    for one in edits if isinstance(edits, list) else [given]:
        if not isinstance(one, Mapping):
            continue
        for before, after in _PAIRS:
            old, new = one.get(before), one.get(after)
            if isinstance(old, str) and isinstance(new, str):
                yield Line("@", "")
                yield from _difference(old.split("\n"), new.split("\n"))


def _written(given: Mapping[str, Any]) -> Iterator[Line]:
    """A file that was written whole."""
    if not any(isinstance(given.get(key), str) for key in ("file_path", "filePath", "path")):
        return
    for key in _WHOLE:
        text = given.get(key)
        if isinstance(text, str) and text:
            yield from (Line("+", line) for line in text.removesuffix("\n").split("\n"))
            return


def _difference(old: list[str], new: list[str]) -> Iterator[Line]:
    if max(len(old), len(new)) > MOST_LINES:
        yield from (Line("-", line) for line in old)
        yield from (Line("+", line) for line in new)
        return
    groups = SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT_LINES)
    for number, group in enumerate(groups):
        if number:
            yield Line("@", "…")
        for kind, i, j, k, m in group:
            if kind == "equal":
                yield from (Line(" ", line) for line in old[i:j])
                continue
            yield from (Line("-", line) for line in old[i:j])
            yield from (Line("+", line) for line in new[k:m])
