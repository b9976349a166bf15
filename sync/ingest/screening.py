"""What of a record may leave the day files: nothing excluded, nothing private, no secrets.

Code that copies records to another place (the database, packs, dead letters) asks here first.
"""

import re
from collections.abc import Callable, Container
from typing import Any

import orjson

from hooks import emit
from journal.agents import prompts_of
from journal.layout import Layout
from journal.record import record
from journal.record.json_strings import decoded
from journal.record.record import JOURNAL_AGENT, BadLineError, Record
from journal.redaction.exclusions import Exclusions
from journal.redaction.key import load_key
from journal.redaction.private_marks import text_without_private, without_private
from journal.redaction.redactor import Redactor
from journal.session.meaning import Kind, Meaning
from journal.settings.sections import Capture
from journal.settings.sources import Settings
from sync.store import facts
from sync.store.file_cursors import START, Cursor

# A cursor has such a mark in the place of its file's time while excluded lines that were read lie
# in the file. It is like no file's time, so each pass looks at the file again.
_ORIGINS = 1024  # that are remembered with what they become
MARKED, KEPT, INSIDE = 1, 2, 4  # KEPT: so do others; INSIDE: the last folder named is excluded
MARKS = (MARKED, MARKED | KEPT | INSIDE)  # the least and the greatest


class Screen:
    """What one home lets through, with the settings of one pass."""

    def __init__(
        self,
        redactor: Redactor,
        capture: Capture | None = None,
        screened: Container[int] = frozenset(),
    ) -> None:
        """`screened`: the hashes of lines that such a screen has let through in this process."""
        self.redactor = redactor
        self._screened = screened
        self.exclusions = Exclusions(capture or Capture())
        self._origins: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
        self._cleaned: dict[bytes, bytes] = {}  # the same by what they say

    def has_seen(self, line: bytes) -> bool:
        """Whether the record of this line is certainly as it is let through."""
        return bool(self._screened) and hash(line) in self._screened

    def records(self, made: list[Record]) -> list[Record]:
        """The same as `record` of each: the filter for secrets is quicker on more bytes."""
        clean = not self.redactor.may_hold_secret(b"\n".join([one.body for one in made]))
        return [self._let_through(one, self.body(one, clean)) for one in made]

    def record(self, made: Record, clean: bool = False) -> Record:
        """A record without what is private in it, its header and its body redacted.

        The same object if nothing had to go. `clean`: it certainly holds no secret.
        """
        body = self.body(made, clean)
        if clean:
            return made if body is made.body else made._replace(body=body)
        return self._let_through(made, body)

    def _let_through(self, made: Record, body: bytes) -> Record:
        origin = self._origin(made.origin)
        if body is made.body and origin is made.origin:
            return made
        return made._replace(body=body, origin=origin)

    def _origin(self, origin: dict[str, Any]) -> dict[str, Any]:
        """The header's other keys, redacted; one object for many records, as they share it."""
        known = self._origins.get(id(origin))
        if known is None or known[0] is not origin:
            for remembered in (self._origins, self._cleaned):
                if len(remembered) >= _ORIGINS:
                    remembered.clear()
            data = orjson.dumps(origin)
            clean = self._cleaned[data] = self._cleaned.get(data) or self._header(data)
            known = origin, origin if clean == data else orjson.loads(clean)
            self._origins[id(origin)] = known
        return known[1]

    def _header(self, data: bytes) -> bytes:
        # Before a digest, as in the keys of folders, `path:` reads like the name of a token.
        if not self.redactor.may_hold_secret(data.replace(b'"path:', b'"')):
            return data
        return self.redactor.json(data)

    def body(self, made: Record, clean: bool = False) -> bytes:
        """The body of a record without what is private in it, and redacted.

        The same object if nothing had to go. `clean`: it certainly holds no secret.
        """
        body = made.body
        if may_hold_private(made.agent, made.event, body):
            body = without_private(body)
        return body if clean and body is made.body else self.redactor.json(body)

    def text(self, text: str) -> str:
        """The same for text that is not a record."""
        return self.redactor.text(text_without_private(text))

    def trail(self, cursor: Cursor = START, offset: int = 0) -> "Trail | None":
        """To follow the records of a file from `offset` on; None: all of them are let through.

        `cursor`: how far it was read before.
        """
        mark = cursor.modified_ns if is_marked(cursor) else 0
        return Trail(self.exclusions, mark, offset > 0) if self.exclusions or mark else None

    def excludes_torn(self, data: bytes) -> bool:
        """Whether bytes that are not a record say by themselves that they are excluded."""
        return bool(self.exclusions) and Trail(self.exclusions).excludes_torn(data)

    def lines_of(self, name: str) -> Callable[[bytes], bytes]:
        """What stays of the lines of one file, asked in their order (see sync/scrub.py)."""
        return Trail(self.exclusions).rest


class Trail:
    """Follows the records of one file in their order and says which are excluded.

    One that names no folder belongs where the one before it did: the one before it in this file
    with the same session in its header. If none before it names a folder it is not excluded.
    """

    def __init__(self, exclusions: Exclusions, mark: int = 0, goes_on: bool = False) -> None:
        """`mark`: what the file's cursor said; `goes_on`: its first part was read before."""
        self._exclusions = exclusions
        self._marked = mark > 0
        self._kept = goes_on and (not mark or bool(mark & KEPT))
        self._began_inside = self._inside = goes_on and bool(mark & INSIDE)
        self._sessions: dict[str, bool] = {}

    def excludes(self, made: Record, meaning: Meaning | None = None) -> bool:
        """Whether the next record is excluded; the journal's own never are.

        BadLineError: `meaning` is not given, and its body is not JSON.
        """
        if made.agent == JOURNAL_AGENT:
            return self._noted(False)
        meaning = meaning or facts.understand_record(made)
        results = (Kind.TOOL_AFTER, Kind.TOOL_FAILED)
        unnamed = meaning.reported and not meaning.tool
        if unnamed and meaning.kind in results and self._exclusions.name_tools:
            return self._noted(True)  # its call is too far away to know which tool it was
        tool, cwd = meaning.tool, meaning.cwd
        if made.raw and not cwd:  # an object that was cut off
            text = record.raw_text(made.body).encode("utf-8", "replace")
            tool, cwd = tool or _field(text, b"tool_name"), _field(text, b"cwd")
        git = made.origin.get("git")
        top = git.get("top") if isinstance(git, dict) else None
        return self._is_excluded(made.session, tool, cwd, top or "")

    def excludes_torn(self, data: bytes) -> bool:
        """The same for the next bytes that are not a record."""
        names = (b"session", b"tool_name", b"cwd", b"top")
        return self._is_excluded(*(_field(data, name) for name in names))

    def rest(self, line: bytes) -> bytes:
        """What of the next line is not excluded; blank lines and their ends stay."""
        reading = record.read_line(line)
        made, torn, gone = reading.record, reading.torn, False
        if made is not None:
            try:
                gone = self.excludes(made)
            except BadLineError:
                made, torn, _ = record.glued(line) or record.Reading(None, line, "")
                gone = made is not None and self.excludes(made)
        whole = b"" if gone else line[len(torn) :]
        return whole if torn.strip() and self.excludes_torn(torn) else torn + whole

    def mark(self, cursor: Cursor) -> Cursor:
        """The cursor behind what was asked about so far, marked if lines must go."""
        if not self._marked:
            return cursor
        mark = MARKED | self._kept * KEPT | self._inside * INSIDE
        return cursor._replace(modified_ns=mark)

    def _is_excluded(self, session: str, tool: str, *folders: str) -> bool:
        named = [folder for folder in folders if folder]
        if named:
            self._inside = any(map(self._exclusions.cover_folder, named))
            self._sessions[session] = self._inside
        inside = self._inside if named else self._sessions.get(session, self._began_inside)
        return self._noted(inside or (tool != "" and self._exclusions.cover_tool(tool)))

    def _noted(self, excluded: bool) -> bool:
        self._marked |= excluded
        self._kept |= not excluded
        return excluded


def is_marked(cursor: Cursor) -> bool:
    """Whether excluded lines before the cursor were not taken out of the file yet."""
    return MARKS[0] <= cursor.modified_ns <= MARKS[1]


def is_mixed(cursor: Cursor) -> bool:
    """Whether a marked cursor's file holds other lines, too."""
    return bool(cursor.modified_ns & KEPT)


def _field(data: bytes, name: bytes) -> str:
    return decoded(emit.string_field(data, name))


def make_redactor(layout: Layout, settings: Settings) -> Redactor:
    """The redactor of this home."""
    redact = settings.redact
    key = load_key(layout.redaction_key)
    return Redactor(key, redact.patterns, redact.allow, redact.enabled)


def make_screen(
    layout: Layout, settings: Settings, screened: Container[int] = frozenset()
) -> Screen:
    """What this home lets through from the day files to everything else; see `Screen`."""
    return Screen(make_redactor(layout, settings), settings.capture, screened)


_CALLS = frozenset({"PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest"})
# What the agent says: it may quote what it has read.
_AGENTS_WORDS = frozenset({"Stop", "SubagentStop", "SubagentStart", "StopFailure", "Notification"})


# Calls whose result is what a person said: an answer, a plan that was refused or changed.
_TOOL = re.compile(rb'"tool_name"\s*:\s*"([^"]{0,180})"')
_ANSWERS = re.compile(rb"exitplanmode|question|elicit", re.IGNORECASE)
# Of all other calls: what a person typed when the call was refused.
_REFUSALS = re.compile(
    rb"user (?:said|provided|rejected|doesn't want)|\"is_interrupt\"", re.IGNORECASE
)


def may_hold_private(agent: str, event: str, body: bytes = b"") -> bool:
    """Whether a person's own words may be in it: prompts, instructions, answers, refusals.

    What a tool was given and gave back is the agent's, unless a person gave it.
    """
    if agent == JOURNAL_AGENT:
        return False
    events = prompts_of(agent)
    if events is None or event in events:
        return True
    if event not in _CALLS:
        return event not in _AGENTS_WORDS
    refused = event == "PostToolUseFailure" and _REFUSALS.search(body) is not None
    return refused or any(_ANSWERS.search(tool[1]) for tool in _TOOL.finditer(body))
