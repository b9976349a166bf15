"""The answers of `file_history`, `command_history` and `error_history`."""

from itertools import islice
from typing import Any

from journal.cli.filters import file
from journal.errors import UsageError
from journal.mcp import arguments as asked
from journal.mcp.frame import Record, compose, name
from journal.mcp.question import (
    PAGE,
    SHORT_CHARS,
    Question,
    by_stems,
    event_id,
    number_of,
    outcome,
    place_of,
    times,
)
from journal.mcp.session_answers import summary_lines
from sync.recall import calls, command_history, error_history, file_history, query_words
from sync.recall.command_history import Command
from sync.recall.error_history import Recovery

_MOST_STEPS = 12  # between an error and what passed


def of_file(ask: Question, given: asked.FileHistory, project: str) -> str:
    """The sessions that worked on a file, and their last changes of it."""
    place = place_of(given.after)
    path = file(given.path.strip())
    some = file_history.visits(ask.db, ask.scope, path, ask.adopt_on, place, PAGE + 1)
    records = (_visit(ask, visit) for visit in some[:PAGE])
    last = some[PAGE - 1].session if len(some) > PAGE else None
    end = f"{last.last_us:x}_{last.key:x}" if last else ""
    return compose("file_history", project, [], records, given.max_chars, end)


def _visit(ask: Question, visit: file_history.Visit) -> Record:
    session = visit.session
    counts = f"changed {times(visit.worked.edits)}, read {times(visit.worked.reads)}"
    lines = summary_lines(ask, session, SHORT_CHARS)
    last = visit.edits[-2:]
    known = calls.meanings(ask.db, last)
    for call in last:
        if (meaning := known.get(call.seq)) is not None:
            how = f"{name(call.tool, 40)} {outcome(call.ok)}: "
            lines += ask.teller.quote(calls.words_of(meaning), SHORT_CHARS, how)
    said = ask.teller.head(session, session.last_us, counts)
    return Record(said, lines, f"{session.last_us:x}_{session.key:x}")


def of_commands(ask: Question, given: asked.CommandHistory, project: str) -> str:
    """Commands with the words of the query: how often and how each ended."""
    some = command_history.commands(
        ask.db, ask.scope, query_words.of(given.query), by_stems(given.query)
    )
    some = [one for one in some if one.newest.at_us >= ask.since_us]
    begin = number_of(given.after) if given.after.strip() else 0
    records = (
        _command(ask, command, str(number))
        for number, command in enumerate(some[begin : begin + PAGE], begin + 1)
    )
    end = str(begin + PAGE) if len(some) > begin + PAGE else ""
    return compose("command_history", project, [], records, given.max_chars, end)


def _command(ask: Question, command: Command, after: str) -> Record:
    newest = command.newest
    counts = []
    for label, runs in (("passed", command.passed), ("failed", command.failed)):
        if runs:
            counts.append(f"{label} {times(len(runs))}, last {ask.teller.when(runs[0].at_us)}")
    if not counts:
        counts.append("it is not known how it ended")
    session = ask.teller.session(newest.session)
    event = f"event {event_id(ask, newest.seq)}"
    said = ask.teller.head(session, newest.at_us, outcome(newest.ok), event)
    said.append("; ".join(counts))
    lines = ask.teller.quote(command.text, 1_000, "$ ")
    shown = [newest, *(command.failed[:1] if command.passed else [])]
    known = calls.meanings(ask.db, shown)
    for call in shown:
        label = f"{outcome(call.ok)}: "
        lines += ask.teller.quote(_end_of(calls.output(call, known)), SHORT_CHARS, label)
    return Record(said, lines, after)


def of_errors(ask: Question, given: asked.ErrorHistory, project: str) -> str:
    """What followed an error with these words, up to the same command's success."""
    terms = query_words.of(given.query)
    if not terms:
        raise UsageError("query: an error needs a letter or a digit", "give its words")
    some = error_history.recoveries(ask.db, ask.scope, terms, by_stems(given.query))
    some = [one for one in some if one.failed.at_us >= ask.since_us]
    begin = number_of(given.after) if given.after.strip() else 0
    records = (
        _recovery(ask, one, terms, str(number))
        for number, one in enumerate(some[begin : begin + PAGE], begin + 1)
    )
    end = str(begin + PAGE) if len(some) > begin + PAGE else ""
    return compose("error_history", project, [], records, given.max_chars, end)


def _recovery(ask: Question, one: Recovery, terms: list[Any], after: str) -> Record:
    session = ask.teller.session(one.failed.session)
    event = f"event {event_id(ask, one.failed.seq)}"
    ended = "passed later" if one.passed else "did not pass in that session"
    said = ask.teller.head(session, one.failed.at_us, ended, event)
    steps = list(islice(reversed(one.between), _MOST_STEPS))[::-1]
    shown = [one.failed, *steps, *([one.passed] if one.passed else [])]
    known = calls.meanings(ask.db, shown)
    lines = ask.teller.quote(one.failed.target, SHORT_CHARS, "failed: ")
    lines += ask.teller.excerpt(calls.output(one.failed, known), terms, SHORT_CHARS)
    if len(one.between) > len(steps):
        lines += ask.teller.quote(f"({len(one.between) - len(steps)} more calls before)", 80)
    for call in steps:
        if (meaning := known.get(call.seq)) is not None and not meaning.own:
            label = f"then {name(call.tool, 40)} {outcome(call.ok)}: "
            lines += ask.teller.quote(calls.words_of(meaning), SHORT_CHARS, label)
    if one.passed:
        lines += ask.teller.quote(one.passed.target, SHORT_CHARS, "passed: ")
    return Record(said, lines, after)


def _end_of(text: str) -> str:
    """The end of an output: it says how it went."""
    text = text.strip()
    return text if len(text) <= SHORT_CHARS else "…" + text[-SHORT_CHARS + 1 :]
