"""What one record says of a conversation, as little as the merge needs to know.

A mention is small for a record of any size, so that a session of any length can be merged in
memory.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import orjson

from journal.session.event import Event
from journal.session.meaning import Action, Author, Kind, Meaning, Place
from journal.session.state import is_attended

TEXTS = frozenset((Kind.TURN_END, Kind.ANSWER, Kind.SUBAGENT_END, Kind.TURN_FAILED))
CALLS = frozenset((Kind.TOOL_BEFORE, Kind.TOOL_AFTER, Kind.TOOL_FAILED))
# A hook that fires twice repeats these in a moment; calls are distinguished by their ids, if any.
REPEATABLE = frozenset((*TEXTS, Kind.PROMPT, Kind.SESSION_START, Kind.SESSION_END))
_PROMPTS = frozenset((Kind.PROMPT, Kind.QUEUED))
# Python 3.11 needs ten times as long to find a member in its class; see `mention`.
_TOOL_BEFORE, _TOOL_AFTER = Kind.TOOL_BEFORE, Kind.TOOL_AFTER
_DELEGATE, _EDIT = Action.DELEGATE, Action.EDIT
_WITHOUT_TURN = frozenset((Kind.SESSION_START, Kind.SESSION_END))
PART = "\n"  # with it the name of a part begins, see parts.py; no agent's id of a turn does
# The text in place of a picture is not the same in hooks, queues and prompts.
_PICTURE = re.compile(r"\[(?:image|document)(?: [\w/+.-]+| #\d+)?\]", re.IGNORECASE)


@dataclass(slots=True)
class Mention:
    """One record's part in a conversation. The fields below `merged` are set by the merge."""

    seq: int  # its row in the database
    id: bytes
    at_us: int
    kind: Kind
    turn: str
    place: Place | None
    item: str
    message: str
    parent: str
    turn_index: int
    subagent: str
    call: str  # the id of its call; of an agent without ids, what calls of one input share
    alike: bytes  # of a call whose id hooks do not report: equal for equal tool and input
    digest: bytes  # of the words, or of what a repeated hook repeats; b"" if it has neither
    by: str
    inherited: bool
    ends_turn: bool | None
    detail: str
    child: str  # the sub-agent whose work this call's end returns
    edited: str  # the file that it changed
    is_delegate: bool
    files: dict[str, str | None] | None
    fired_us: int  # of a hook whose payload says when the agent made it, else 0
    # merged
    taken_back: bool = False
    undone: bool = False  # an edit that was taken back, and the file restored
    queued: bool = False  # it was put into the queue, and is nowhere else
    is_joined: bool = False  # a hook and a transcript report it

    @property
    def reported(self) -> bool:
        """Whether a transcript says it, and no hook."""
        return self.place is not None

    @property
    def reported_alone(self) -> bool:
        """Whether no hook reports it."""
        return self.reported and not self.is_joined

    @property
    def phase(self) -> bool | None:
        """True at the start of a call, False at its end, None for everything else."""
        return None if self.kind not in CALLS else self.kind is Kind.TOOL_BEFORE


def mention(event: Event) -> Mention:
    """What an event says."""
    meaning = event.meaning
    kind = meaning.kind
    if meaning.place is not None and kind in TEXTS and not meaning.text.strip():
        kind = Kind.OTHER  # blank text is not an answer
    is_call = kind in CALLS
    is_delegate = meaning.action is _DELEGATE
    is_edit = kind is _TOOL_AFTER and meaning.action is _EDIT
    ended = is_call and kind is not _TOOL_BEFORE
    # By position: each record of a pass comes through here, and names take twice as long.
    return Mention(
        event.seq,
        event.id,
        event.at_us,
        kind,
        "" if kind in _WITHOUT_TURN else meaning.turn,
        meaning.place,
        meaning.item,
        meaning.message,
        meaning.parent,
        meaning.turn_index,
        meaning.subagent,
        meaning.tool_use_id or (stem(meaning) if is_call else ""),
        _alike(meaning) if is_call else b"",
        b"" if is_call else _digest(kind, meaning),
        author(event, kind),
        meaning.inherited,
        meaning.ends_turn if meaning.place is not None else False,
        meaning.detail,
        _child(meaning.output) if is_delegate and ended else "",
        meaning.target if is_edit else "",
        is_delegate,
        dict(meaning.files) if meaning.files is not None else None,
        meaning.fired_us,
    )


def patched(event: Event, merged: Mention) -> Event:
    """The event as the whole conversation shows it."""
    patch = _patch(event, merged)
    if patch is None:
        return _with_author(event)
    return with_patch(event._replace(patch=patch))


def _patch(event: Event, merged: Mention) -> str | None:
    """JSON of what is other than in the record; None if nothing is."""
    meaning = event.meaning
    said: dict[str, Any] = {}
    if merged.kind is not meaning.kind:
        said["kind"] = merged.kind
    if merged.by != author(event, merged.kind):
        said["by"] = merged.by
    if merged.call and merged.call[0] != "~" and merged.call != meaning.tool_use_id:
        said["tool_use_id"] = merged.call
    if merged.subagent != meaning.subagent:
        said["subagent"] = merged.subagent
    if merged.taken_back:
        said["taken_back"] = True
    if merged.inherited and not meaning.inherited:
        said["inherited"] = True
    if merged.undone:
        said["action"] = Action.OTHER
    if merged.is_joined and merged.kind is Kind.PROMPT:  # its line knows its place among prompts
        said |= {"turn_index": merged.turn_index} if merged.turn_index else {}
        said |= {"parent": merged.parent} if merged.parent else {}
    return orjson.dumps(said).decode() if said else None


def with_patch(event: Event) -> Event:
    """The event with what its patch says; prompts with their author."""
    if not event.patch:
        return _with_author(event)
    meaning = event.meaning
    said: dict[str, Any] = orjson.loads(event.patch)
    if "kind" in said:
        said["kind"] = Kind(said["kind"])
    if "action" in said:
        said["action"] = Action(said["action"])
    if "by" not in said:
        by = author(event, said.get("kind", meaning.kind))
        if by != meaning.by:
            said["by"] = by
    return event._replace(meaning=meaning._replace(**said)) if said else event


def _with_author(event: Event) -> Event:
    """The event; a prompt with its author."""
    if event.meaning.kind not in _PROMPTS:
        return event
    by = author(event, event.meaning.kind)
    return (
        event if by == event.meaning.by else event._replace(meaning=event.meaning._replace(by=by))
    )


def author(event: Event, kind: Kind) -> str:
    """Who wrote a prompt, as far as its own record says; "" of everything else."""
    if kind not in _PROMPTS or event.meaning.by:
        return event.meaning.by
    return Author.PERSON if is_attended(event.origin) else Author.UNKNOWN


def is_repeatable(meaning: Meaning) -> bool:
    """Whether an equal record a moment later is the same hook, fired twice."""
    return meaning.kind in REPEATABLE or (meaning.kind in CALLS and not meaning.tool_use_id)


def stem(meaning: Meaning) -> str:
    """What calls of one tool with equal input share, where the agent gives them no ids."""
    return "~" + content_digest([meaning.subagent, meaning.tool, meaning.tool_input]).hex()


def _alike(meaning: Meaning) -> bytes:
    if meaning.tool_use_id and not meaning.unnamed:
        return b""
    return content_digest([meaning.tool, meaning.tool_input])


def content_digest(content: Any) -> bytes:
    """Equal for equal JSON values, in any order of their keys."""
    try:
        data = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # nested too deeply, or a number beyond 64 bits
        data = repr(content).encode("utf-8", "replace")
    return hashlib.blake2b(data, digest_size=16).digest()


def _digest(kind: Kind, meaning: Meaning) -> bytes:
    if kind in _WITHOUT_TURN:
        return content_digest([kind, meaning.detail])
    if kind in TEXTS or kind in _PROMPTS:
        text = meaning.text
        words = " ".join((_PICTURE.sub("", text) if "[" in text else text).split()) or text
        return hashlib.blake2b(words.encode("utf-8", "replace"), digest_size=16).digest()
    return b""


def _child(output: Any) -> str:
    found = output.get("agentId") if isinstance(output, dict) else None
    return found if isinstance(found, str) else ""
