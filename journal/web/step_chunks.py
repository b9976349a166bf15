"""A session's steps in chunks: a page holds the first ones, and asks for others as one scrolls."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlencode

import apsw
from markupsafe import Markup

from journal.printable import one_line
from journal.web.questions import Reported, UnknownError
from sync.pages import session_html, story
from sync.pages.steps import Block, Call, Group, Words
from sync.query import detail

CHUNK = 60  # blocks
OUTLINE = 200  # prompts that are named next to the steps
_HEAD_CHARS = 80


class Chunk(NamedTuple):
    """Some blocks of a session as HTML. `before`, `after`: where the others begin; None: none."""

    html: Markup
    start: int
    total: int
    before: int | None
    after: int | None
    outline: list[tuple[str, str]]  # id and beginning of each prompt

    @property
    def is_short(self) -> bool:
        """Whether it is the end of a session and too short to read on its own."""
        return self.start > 0 and self.total - self.start < CHUNK // 2


def chunk(db: apsw.Connection, reported: Reported, event: str, start: int) -> Chunk:
    """The blocks from `start` on, or those around an event.

    With a negative start, a session that goes on is shown at its end. UnknownError: no step has
    this event.
    """
    blocks = reported.blocks
    if event:
        start = _place(blocks, event)
    last = max(len(blocks) - 1, 0)
    if start < 0:
        start = 0 if reported.detail.session.status == "finished" else last
    start = min(start, last) // CHUNK * CHUNK
    end = start + CHUNK
    shown = _whole(db, blocks[start:end])
    html = "".join(session_html.steps(shown, _destination(reported)))
    return Chunk(
        Markup(html),  # made by a template of escaped text
        start,
        len(blocks),
        start - CHUNK if start else None,
        end if end < len(blocks) else None,
        _outline(blocks),
    )


def one_step(db: apsw.Connection, reported: Reported, name: str) -> str:
    """What is folded below a call or a group. UnknownError: there is none with this id."""
    for block in reported.blocks:
        if isinstance(block, Group) and block.id == name:
            return "".join(session_html.steps(_whole(db, block.steps), _destination(reported)))
        for step in block.steps if isinstance(block, Group) else (block,):
            if isinstance(step, Call) and step.id == name:
                (made,) = detail.whole_calls(db, [step.made])
                return session_html.body(replace(step, made=made))
    raise UnknownError("this step is gone", "load the page again")


def _whole(db: apsw.Connection, blocks: Sequence[Block]) -> list[Block]:
    """The same with the inputs and outputs of calls; those in groups are asked for alone."""
    calls = [block.made for block in blocks if isinstance(block, Call)]
    made = iter(detail.whole_calls(db, calls))
    return [replace(b, made=next(made)) if isinstance(b, Call) else b for b in blocks]


def _destination(reported: Reported) -> session_html.Destination:
    session = reported.detail.session
    name = f"{session.agent}/{session.id}"

    def url(step: str) -> str:
        return "/part/step?" + urlencode({"session": name, "step": step})

    return session_html.Destination(story.local_clock(session), url, anchors=True)


def _place(blocks: list[Block], event: str) -> int:
    for number, block in enumerate(blocks):
        inner = block.steps if isinstance(block, Group) else ()
        if block.id == event or any(step.id == event for step in inner):
            return number
    raise UnknownError("no step of this session has this event", "the session's page has them all")


def _outline(blocks: list[Block]) -> list[tuple[str, str]]:
    prompts = [b for b in blocks if isinstance(b, Words) and b.by_person]
    return [(b.id, story.cut(one_line(b.text), _HEAD_CHARS)) for b in prompts[:OUTLINE]]
