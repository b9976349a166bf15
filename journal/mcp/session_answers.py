"""The answers of `session` and `recent`, and what the others show of a session."""

from collections.abc import Iterator

from journal.mcp import arguments as asked
from journal.mcp.frame import Record, compose, name
from journal.mcp.question import (
    EXCERPT_CHARS,
    PAGE,
    SHORT_CHARS,
    Question,
    number_of,
    place_of,
)
from sync.query.listing import Session
from sync.recall import calls, recent, session_pages
from sync.store import short_ids

_MOST_PROMPTS = 40
_SUMMARY = ("request", "investigated", "learned", "completed", "next_steps")


def one_session(ask: Question, given: asked.Session, project: str) -> str:
    """An outline of a session; with `after` its conversation from there."""
    key = session_pages.find(ask.db, ask.scope, given.session.strip())
    session = ask.teller.session(key)
    if given.after.strip():
        steps = _conversation(ask, key, number_of(given.after), given.max_chars // 2)
        return compose("session", session.project, [], steps, given.max_chars)
    records = _outline(ask, session)
    return compose("session", session.project, [], records, given.max_chars, "0")


def _outline(ask: Question, session: Session) -> Iterator[Record]:
    said = ask.teller.head(session, session.last_us, session.state_at(ask.now_us))
    said.append(f"{session.prompts} prompts, {session.events} events; after=0 reads it all")
    yield Record(said, summary_lines(ask, session, EXCERPT_CHARS), "0")
    for prompt in session_pages.prompts(ask.db, session.key, _MOST_PROMPTS):
        line = f"[prompt{f' by {name(prompt.by, 20)}' if prompt.by else ''} · after="
        quote = ask.teller.quote(prompt.text, SHORT_CHARS)
        yield Record([f"{line}{prompt.position} reads on from here]"], quote, "0")


def _conversation(ask: Question, key: int, position: int, limit_chars: int) -> Iterator[Record]:
    """The steps that say something; calls of excluded tools and our own answers do not."""
    session = ask.teller.session(key)
    first = ask.teller.head(session, session.last_us)
    for step in session_pages.conversation(ask.db, key, position):
        meaning = step.meaning
        text = calls.words_of(meaning)
        if not ask.scope.shows(meaning.tool) or not text.strip():
            continue
        marks = [mark for mark in ("taken_back", "inherited") if getattr(meaning, mark)]
        tool = [name(meaning.tool, 40)] if meaning.tool else []
        event = short_ids.of_event(ask.db, bytes.fromhex(step.event_id))
        what = [str(meaning.kind).replace("_", " "), *tool, *marks, f"event {event}"]
        head = f"[{' · '.join([*what, ask.teller.when(step.at_us)])}]"
        quote = ask.teller.quote(text, limit_chars)
        yield Record([*first, head], quote, str(step.position + 1))
        first = []


def recent_sessions(ask: Question, given: asked.Recent, project: str) -> str:
    """The latest sessions, and what each came to."""
    place = place_of(given.after)
    some = recent.sessions(ask.db, ask.scope, ask.adopt_on, place, PAGE + 1)
    records = (
        Record(
            ask.teller.head(session, session.last_us, session.state_at(ask.now_us)),
            summary_lines(ask, session, SHORT_CHARS),
            f"{session.last_us:x}_{session.key:x}",
        )
        for session in some[:PAGE]
    )
    last = some[PAGE - 1] if len(some) > PAGE else None
    end = f"{last.last_us:x}_{last.key:x}" if last else ""
    return compose("recent", project, [], records, given.max_chars, end)


def summary_lines(ask: Question, session: Session, limit_chars: int) -> list[str]:
    """What a session was about and which files it changed, quoted."""
    reported = recent.summary(ask.db, session.key)
    lines = (
        [] if reported.get("request") else ask.teller.quote(session.title, limit_chars, "title: ")
    )
    for field in _SUMMARY:
        text = reported.get(field) or ""
        lines += ask.teller.quote(text, limit_chars, f"{field.replace('_', ' ')}: ")
    edited = ", ".join(reported.get("files_edited") or [])
    return lines + ask.teller.quote(edited, limit_chars, "files edited: ")
