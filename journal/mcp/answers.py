"""What each tool answers: arguments become a query, and its rows become records of a frame."""

import os
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import apsw

from hooks.project import locate
from journal.cli.app import App
from journal.cli.filters import chosen_sessions, file
from journal.errors import UsageError
from journal.mcp import arguments as asked
from journal.mcp.frame import Record, compose, name
from journal.mcp.quoting import Teller
from journal.redaction.exclusions import Exclusions
from sync.ingest.screening import make_screen
from sync.query.candidates import Query
from sync.query.cursors import Cursor
from sync.query.filters import Calls, moment_us
from sync.query.listing import Session
from sync.recall import (
    calls,
    command_history,
    error_history,
    file_history,
    found,
    recent,
    scope,
    session_pages,
    words,
)
from sync.recall.command_history import Command
from sync.recall.error_history import Recovery
from sync.recall.scope import Scope
from sync.store import short_ids

_PAGE = 20  # hits or sessions that are looked at for one answer
_EXCERPT_CHARS = 700
_SHORT_CHARS = 400
_MOST_STEPS = 12  # between an error and what passed
_MOST_PROMPTS = 40
_SUMMARY = ("request", "investigated", "learned", "completed", "next_steps")
_HINT = "give the value that the last line of the answer before says, and the same arguments"


class _Asked(NamedTuple):
    """What every answer works with."""

    db: apsw.Connection
    scope: Scope
    teller: Teller
    adopt_on: tuple[str, ...]
    now_us: int
    since_us: int


def answer(app: App, environ: Mapping[str, str], tool: str, values: Mapping[str, Any]) -> str:
    """The answer of a tool, of at most its `max_chars`.

    UsageError: an argument is wrong. JournalError: nothing is recorded yet, or no such session.
    """
    given = asked.parse(tool, values)
    now_us = app.now_us
    since_us = moment_us(given.since, now_us) if given.since.strip() else 0
    project = getattr(given, "project", "*").strip()
    chosen = {
        "here": not project,
        "project": "" if project == "*" else project,
        "agent": given.agent.strip(),
        **dict.fromkeys(("with_all", "branch", "state", "host")),
    }
    wanted = chosen_sessions(app, chosen)._replace(since_us=since_us or None)
    screen = make_screen(app.layout, app.settings)
    with app.reading(ends_matter=False) as db:
        may = scope.make(db, wanted, Exclusions(app.settings.capture), environ)
        teller = Teller(db, screen, now_us, app.adopt_on)
        ask = _Asked(db, may, teller, app.adopt_on, now_us, since_us)
        place = "all projects" if project == "*" else project or _here()
        return _ANSWERS[tool](ask, given, place)


def _here() -> str:
    directory = os.getcwd()  # noqa: PTH109
    return locate(directory, os.uname().nodename).name or os.path.basename(directory)  # noqa: PTH119


def _search(ask: _Asked, given: asked.Search, project: str) -> str:
    terms = words.of(given.query)
    if not terms:
        raise UsageError("query: a search needs a letter or a digit", "give some words")
    everywhere, number, after = _place(given.after)
    may = ask.scope
    if given.session.strip():
        key = session_pages.find(ask.db, may, given.session.strip())
        may = may._replace(wanted=may.wanted._replace(only=(key,)))
    query = Query(terms, may.wanted._replace(since_us=None), limit=_PAGE, since_us=ask.since_us)
    if given.path.strip():
        query = query._replace(calls=Calls(file=file(given.path.strip())))
    if everywhere:
        query = query._replace(sessions=query.sessions._replace(folders=()))
    result = found.find(ask.db, may, query, ask.now_us, number, after, stems=_stems(given))
    may_widen = not (given.project.strip() or given.session.strip() or everywhere)
    if may_widen and not result.texts and after is None:
        everywhere = True
        query = query._replace(sessions=query.sessions._replace(folders=()))
        result = found.find(ask.db, may, query, ask.now_us, stems=_stems(given))
    begin = f"{'all' if everywhere else 'here'}.{result.number}."
    notes = []
    if result.texts and result.number:
        notes.append(_fewer(result.terms))
    if result.texts and everywhere and may_widen:
        notes.append("Nothing in this project: these are of all projects.")
    records = (_hit(ask, text, result.terms, begin) for text in result.texts)
    end = f"{begin}{result.more}" if result.more and result.texts else ""
    return compose("search", project, notes, records, given.max_chars, end)


def _stems(given: asked.Search | asked.CommandHistory | asked.ErrorHistory) -> bool:
    """Whether other forms of the words count as well; who quotes means just these."""
    return '"' not in given.query


def _fewer(terms: list[Any]) -> str:
    shown = name(", ".join(term.text for term in terms), 120)
    return f"No text holds all the words; these hold: {shown}"


def _place(after: str) -> tuple[bool, int, Cursor | None]:
    if not after.strip():
        return False, 0, None
    where, _, rest = after.strip().partition(".")
    number, _, cursor = rest.partition(".")
    if where not in ("all", "here") or not number.isdecimal() or len(number) > 3:
        raise UsageError("after: this is not a place in a search", _HINT)
    return where == "all", int(number), Cursor.of(cursor)


def _hit(ask: _Asked, text: found.Text, terms: list[Any], begin: str) -> Record:
    hit = text.hit
    key = ask.db.execute(
        "select session from session_states where agent = ? and id = ?", (hit.agent, hit.session)
    ).get
    session = ask.teller.session(int(key))
    event = f"event {hit.short_event_id}" if hit.short_event_id else ""
    kind = hit.kind.name.lower()
    kind = f"{kind} of {name(text.tool, 40)}" if text.tool else kind
    said = ask.teller.head(session, hit.at_us, kind, event)
    lines = []
    if text.target and kind.startswith("output"):
        lines += ask.teller.quote(text.target, 200, "$ " if "\n" not in text.target else "")
    lines += ask.teller.excerpt(text.text, terms, _EXCERPT_CHARS)
    return Record(said, lines, f"{begin}{hit.cursor}")


def _session(ask: _Asked, given: asked.Session, project: str) -> str:
    key = session_pages.find(ask.db, ask.scope, given.session.strip())
    session = ask.teller.session(key)
    if given.after.strip():
        steps = _conversation(ask, key, _number(given.after), given.max_chars // 2)
        return compose("session", session.project, [], steps, given.max_chars)
    records = _outline(ask, session)
    return compose("session", session.project, [], records, given.max_chars, "0")


def _outline(ask: _Asked, session: Session) -> Iterator[Record]:
    said = ask.teller.head(session, session.last_us, session.state_at(ask.now_us))
    said.append(f"{session.prompts} prompts, {session.events} events; after=0 reads it all")
    yield Record(said, _summary(ask, session, _EXCERPT_CHARS), "0")
    for prompt in session_pages.prompts(ask.db, session.key, _MOST_PROMPTS):
        line = f"[prompt{f' by {name(prompt.by, 20)}' if prompt.by else ''} · after="
        quote = ask.teller.quote(prompt.text, _SHORT_CHARS)
        yield Record([f"{line}{prompt.position} reads on from here]"], quote, "0")


def _conversation(ask: _Asked, key: int, position: int, limit_chars: int) -> Iterator[Record]:
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


def _recent(ask: _Asked, given: asked.Recent, project: str) -> str:
    place = _two_numbers(given.after)
    some = recent.sessions(ask.db, ask.scope, ask.adopt_on, place, _PAGE + 1)
    records = (
        Record(
            ask.teller.head(session, session.last_us, session.state_at(ask.now_us)),
            _summary(ask, session, _SHORT_CHARS),
            f"{session.last_us:x}_{session.key:x}",
        )
        for session in some[:_PAGE]
    )
    last = some[_PAGE - 1] if len(some) > _PAGE else None
    end = f"{last.last_us:x}_{last.key:x}" if last else ""
    return compose("recent", project, [], records, given.max_chars, end)


def _summary(ask: _Asked, session: Session, limit_chars: int) -> list[str]:
    told = recent.summary(ask.db, session.key)
    lines = [] if told.get("request") else ask.teller.quote(session.title, limit_chars, "title: ")
    for field in _SUMMARY:
        text = told.get(field) or ""
        lines += ask.teller.quote(text, limit_chars, f"{field.replace('_', ' ')}: ")
    edited = ", ".join(told.get("files_edited") or [])
    return lines + ask.teller.quote(edited, limit_chars, "files edited: ")


def _file_history(ask: _Asked, given: asked.FileHistory, project: str) -> str:
    place = _two_numbers(given.after)
    path = file(given.path.strip())
    some = file_history.visits(ask.db, ask.scope, path, ask.adopt_on, place, _PAGE + 1)
    records = (_visit(ask, visit) for visit in some[:_PAGE])
    last = some[_PAGE - 1].session if len(some) > _PAGE else None
    end = f"{last.last_us:x}_{last.key:x}" if last else ""
    return compose("file_history", project, [], records, given.max_chars, end)


def _visit(ask: _Asked, visit: file_history.Visit) -> Record:
    session = visit.session
    counts = f"changed {_times(visit.worked.edits)}, read {_times(visit.worked.reads)}"
    lines = _summary(ask, session, _SHORT_CHARS)
    last = visit.edits[-2:]
    known = calls.meanings(ask.db, last)
    for call in last:
        if (meaning := known.get(call.seq)) is not None:
            how = f"{name(call.tool, 40)} {_outcome(call.ok)}: "
            lines += ask.teller.quote(calls.words_of(meaning), _SHORT_CHARS, how)
    said = ask.teller.head(session, session.last_us, counts)
    return Record(said, lines, f"{session.last_us:x}_{session.key:x}")


def _command_history(ask: _Asked, given: asked.CommandHistory, project: str) -> str:
    some = command_history.commands(ask.db, ask.scope, words.of(given.query), _stems(given))
    some = [one for one in some if one.newest.at_us >= ask.since_us]
    begin = _number(given.after) if given.after.strip() else 0
    records = (
        _command(ask, command, str(number))
        for number, command in enumerate(some[begin : begin + _PAGE], begin + 1)
    )
    end = str(begin + _PAGE) if len(some) > begin + _PAGE else ""
    return compose("command_history", project, [], records, given.max_chars, end)


def _command(ask: _Asked, command: Command, after: str) -> Record:
    newest = command.newest
    counts = []
    for label, runs in (("passed", command.passed), ("failed", command.failed)):
        if runs:
            counts.append(f"{label} {_times(len(runs))}, last {ask.teller.when(runs[0].at_us)}")
    if not counts:
        counts.append("it is not known how it ended")
    session = ask.teller.session(newest.session)
    event = f"event {_event(ask, newest.seq)}"
    said = ask.teller.head(session, newest.at_us, _outcome(newest.ok), event)
    said.append("; ".join(counts))
    lines = ask.teller.quote(command.text, 1_000, "$ ")
    shown = [newest, *(command.failed[:1] if command.passed else [])]
    known = calls.meanings(ask.db, shown)
    for call in shown:
        label = f"{_outcome(call.ok)}: "
        lines += ask.teller.quote(_last(calls.output(call, known)), _SHORT_CHARS, label)
    return Record(said, lines, after)


def _error_history(ask: _Asked, given: asked.ErrorHistory, project: str) -> str:
    terms = words.of(given.query)
    if not terms:
        raise UsageError("query: an error needs a letter or a digit", "give its words")
    some = error_history.recoveries(ask.db, ask.scope, terms, _stems(given))
    some = [one for one in some if one.failed.at_us >= ask.since_us]
    begin = _number(given.after) if given.after.strip() else 0
    records = (
        _recovery(ask, one, terms, str(number))
        for number, one in enumerate(some[begin : begin + _PAGE], begin + 1)
    )
    end = str(begin + _PAGE) if len(some) > begin + _PAGE else ""
    return compose("error_history", project, [], records, given.max_chars, end)


def _recovery(ask: _Asked, one: Recovery, terms: list[Any], after: str) -> Record:
    session = ask.teller.session(one.failed.session)
    event = f"event {_event(ask, one.failed.seq)}"
    ended = "passed later" if one.passed else "did not pass in that session"
    said = ask.teller.head(session, one.failed.at_us, ended, event)
    steps = list(islice(reversed(one.between), _MOST_STEPS))[::-1]
    shown = [one.failed, *steps, *([one.passed] if one.passed else [])]
    known = calls.meanings(ask.db, shown)
    lines = ask.teller.quote(one.failed.target, _SHORT_CHARS, "failed: ")
    lines += ask.teller.excerpt(calls.output(one.failed, known), terms, _SHORT_CHARS)
    if len(one.between) > len(steps):
        lines += ask.teller.quote(f"({len(one.between) - len(steps)} more calls before)", 80)
    for call in steps:
        if (meaning := known.get(call.seq)) is not None and not meaning.own:
            label = f"then {name(call.tool, 40)} {_outcome(call.ok)}: "
            lines += ask.teller.quote(calls.words_of(meaning), _SHORT_CHARS, label)
    if one.passed:
        lines += ask.teller.quote(one.passed.target, _SHORT_CHARS, "passed: ")
    return Record(said, lines, after)


def _event(ask: _Asked, seq: int) -> str:
    unique = ask.db.execute("select id from events where seq = ?", (seq,)).get
    return short_ids.of_event(ask.db, unique)


def _last(text: str) -> str:
    """The end of an output: it says how it went."""
    text = text.strip()
    return text if len(text) <= _SHORT_CHARS else "…" + text[-_SHORT_CHARS + 1 :]


def _outcome(ok: bool | None) -> str:
    return "not ended" if ok is None else "passed" if ok else "failed"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _number(after: str) -> int:
    text = after.strip()
    if not (text.isdecimal() and text.isascii() and len(text) < 10):
        raise UsageError("after: this is not a place in this answer", _HINT)
    return int(text)


def _two_numbers(after: str) -> recent.Place:
    if not after.strip():
        return recent.FIRST
    try:
        last_us, key = (int(part, 16) for part in after.strip().split("_"))
    except ValueError as error:
        raise UsageError("after: this is not a place in this answer", _HINT) from error
    if not (0 <= last_us < 1 << 62 and 0 <= key < 1 << 62):
        raise UsageError("after: this is not a place in this answer", _HINT)
    return last_us, key


_ANSWERS: Mapping[str, Callable[[_Asked, Any, str], str]] = {
    "search": _search,
    "session": _session,
    "recent": _recent,
    "file_history": _file_history,
    "command_history": _command_history,
    "error_history": _error_history,
}
