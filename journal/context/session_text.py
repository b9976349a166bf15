"""What the next session of a project is told of one session: its block of text, and its line.

Pure rendering. Every stored text is quoted data: one line, no control characters, `<` escaped, so
that none can close the frame, open a tag, begin a line or pose as the user.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from journal.session.state import SessionState
from journal.session.summary import (
    Summary,
    changed_something,
    latest_prompt,
    listing,
    notable_commands,
    open_facts,
    outcome,
    plain,
    shown_path,
)
from journal.times import to_datetime

FULL_CHARS = 900
SHORT_CHARS = 350
LINE_CHARS = 140
NOW_CHARS = 240
# What a row may hold: the first with which the whole block has room is taken.
_FULL_LIMITS = (260, 200, 150, 110, 80, 60)
_SHORT_LIMITS = (200, 140, 100, 70, 50, 35)
_CUT_ENTITY = re.compile("&(?:lt?)?$")


@dataclass(frozen=True, slots=True)
class Block:
    """One session in three lengths, and as a line for while it runs. Times in microseconds."""

    session: str
    short_id: str
    last_us: int
    running: bool  # working or waiting for its person, as far as the journal knows
    host: str
    pid: int | None
    full: str
    short: str
    line: str
    now: str  # what it is doing, empty if it is not running


def block(
    session: str,
    state: SessionState,
    summary: Summary | None,
    short_id: str,
    tz: tzinfo,
    agent: str = "",
) -> Block | None:
    """The texts of one session; None for one with nothing for the next session.

    Left out: headless sessions that changed nothing and ran no command that failed, and others
    without a prompt, an edit or a command. `tz` is the zone of the frame's own time; a fixed offset
    keeps all times of a frame comparable. `agent` is named where the project has sessions of
    several.
    """
    if summary is None or not _is_worth_a_block(state):
        return None
    name = " ".join([f"[{safe(short_id, 40)}]", *([safe(agent, 40)] if agent else [])])
    running = state.status in ("working", "awaiting")
    header = f"{name} {_span(state, tz)}{_place(state, 40)}"
    return Block(
        session=session,
        short_id=safe(short_id, 40),
        last_us=state.last_us,
        running=running,
        host=state.host,
        pid=state.pid,
        full=_fit(header, lambda n: _full_rows(state, summary, n), _FULL_LIMITS, FULL_CHARS),
        short=_fit(header, lambda n: _short_rows(state, summary, n), _SHORT_LIMITS, SHORT_CHARS),
        line=_line(name, state, tz),
        now=_now(name, state, tz) if running else "",
    )


def _is_worth_a_block(state: SessionState) -> bool:
    if changed_something(state):
        return True
    if state.entrypoint and not state.attended:
        return any(command.failures for command in state.commands.values())
    return bool(state.prompts or state.commands)


def safe(text: str, limit_chars: int) -> str:
    """`text` as quoted data of at most `limit_chars`: a plain line in which `<` is `&lt;`."""
    escaped = plain(text, limit_chars).replace("<", "&lt;")
    if len(escaped) <= limit_chars:
        return escaped
    return _CUT_ENTITY.sub("", escaped[: limit_chars - 1]).rstrip() + "…"


def _quoted(text: str, limit_chars: int) -> str:
    """In double quotes that the text itself cannot close."""
    return '"' + safe(text, limit_chars).replace('"', "'") + '"'


def _fit(
    header: str, rows_at: Callable[[int], list[str]], limits: Sequence[int], budget_chars: int
) -> str:
    """Header and rows within the budget: shorter rows first, then fewer."""
    for limit in limits:
        text = "\n".join([header, *rows_at(limit)])
        if len(text) <= budget_chars:
            return text
    rows = rows_at(limits[-1])
    while rows and len("\n".join([header, *rows])) > budget_chars:
        rows.pop()
    return "\n".join([header, *rows])


def _full_rows(state: SessionState, summary: Summary, limit_chars: int) -> list[str]:
    latest = latest_prompt(state)
    rows = [_asked(state, limit_chars, state.prompts - 1 if not latest else 0)]
    if latest:
        between = _note(state.prompts - 2, " (+{} between)")
        rows.append(_row("then", _quoted(latest, limit_chars) + between))
    rows += [_edited(state, limit_chars)]
    if not state.files_edited:
        rows.append(_row("read", _paths(state, state.files_read, limit_chars)))
    rows += [
        _row("ran", _commands(state, limit_chars)),
        _claimed(summary, limit_chars + limit_chars // 2),
        _open(state, limit_chars),
    ]
    return [row for row in rows if row]


def _short_rows(state: SessionState, summary: Summary, limit_chars: int) -> list[str]:
    rows = [_asked(state, limit_chars, state.prompts - 1), _edited(state, limit_chars)]
    rows.append(_open(state, limit_chars) or _claimed(summary, limit_chars))
    return [row for row in rows if row]


def _row(label: str, text: str) -> str:
    return f"  {label:<9}{text}" if text else ""


def _asked(state: SessionState, limit_chars: int, more: int) -> str:
    if state.first_prompt is None:
        return ""
    words = _quoted(state.first_prompt.text, limit_chars)
    return _row("asked", words + _note(more, " (+{} prompt)" if more == 1 else " (+{} prompts)"))


def _edited(state: SessionState, limit_chars: int) -> str:
    return _row("edited", _paths(state, state.files_edited, limit_chars))


def _paths(state: SessionState, paths: dict[str, int], limit_chars: int) -> str:
    shown = (safe(shown_path(path, state), limit_chars) for path in reversed(paths))
    return listing(shown, len(paths), limit_chars)


def _commands(state: SessionState, limit_chars: int) -> str:
    commands = notable_commands(state)
    width = min(80, limit_chars // 2)
    shown = (f"{safe(text, width)}: {outcome(command)}" for text, command in commands[:3])
    return listing(shown, len(commands), limit_chars, "; ")


def _claimed(summary: Summary, limit_chars: int) -> str:
    if summary.source == "builtin":
        return _row("claimed", _quoted(summary.learned, limit_chars) if summary.learned else "")
    parts = (summary.completed, summary.learned, summary.next_steps)
    if not any(parts):
        return ""
    words = _quoted(" ".join(part for part in parts if part), limit_chars)
    return _row("summary", words + " (a model's words, unverified)")


def _open(state: SessionState, limit_chars: int) -> str:
    facts = open_facts(state)
    shown = (safe(fact, limit_chars) for fact in facts)
    return _row("open", listing(shown, len(facts), limit_chars, "; "))


def _line(name: str, state: SessionState, tz: tzinfo) -> str:
    edits = len(state.files_edited)
    files = "1 file" if edits == 1 else f"{edits} files"
    note = f" ({files} edited)" if edits else " (no edits)"
    start = f"{name} {local(state.started_us, tz):%a %Y-%m-%d %H:%M}"
    branch = _place(state, 24).partition(", HEAD ")[0]
    room = LINE_CHARS - len(start + branch + note) - len(': ""')
    if state.first_prompt is None or room < 12:
        return (start + branch + note)[:LINE_CHARS]
    return f"{start}{branch}: {_quoted(state.first_prompt.text, room)}{note}"


def _now(name: str, state: SessionState, tz: tzinfo) -> str:
    parts = [f"running  {name}"]
    if state.top or state.cwd:
        parts.append(f"in {safe(state.top or state.cwd, 80)}")
    if state.question_us is not None:
        parts.append(f"waiting for an answer since {local(state.question_us, tz):%Y-%m-%d %H:%M}")
    if state.files_edited:
        path, at_us = next(reversed(state.files_edited.items()))
        when = f"{local(at_us, tz):%Y-%m-%d %H:%M}"
        parts.append(f"last edit {safe(shown_path(path, state), 60)} {when}")
    elif state.first_prompt is not None:
        parts.append(f"asked {_quoted(state.first_prompt.text, 60)}")
    return f"{parts[0]} {', '.join(parts[1:])}"[:NOW_CHARS].rstrip()


def _span(state: SessionState, tz: tzinfo) -> str:
    """`Fri 2026-11-20 16:40-17:25`, the day again if it is another."""
    start, last = local(state.started_us, tz), local(state.last_us, tz)
    text = f"{start:%a %Y-%m-%d %H:%M}"
    if start.date() != last.date():
        text += f" - {last:%a %Y-%m-%d %H:%M}"
    elif (start.hour, start.minute) != (last.hour, last.minute):
        text += f"-{last:%H:%M}"
    return text + ("" if state.status == "finished" else ", not ended")


def _place(state: SessionState, limit_chars: int) -> str:
    branch = f", branch {safe(state.branch, limit_chars)}" if state.branch else ""
    return branch + (f", HEAD {safe(state.head, 80)[:7]}" if state.head else "")


def local(at_us: int, tz: tzinfo) -> datetime:
    """A moment in a zone; in UTC if that leads out of the years that there are."""
    moment = to_datetime(at_us)
    try:
        return moment.astimezone(tz)
    except OverflowError:  # a record may claim the first or the last day there is
        return moment


def _note(number: int, form: str) -> str:
    return form.format(number) if number > 0 else ""
