"""The answer of `search`."""

from typing import Any

from journal.cli.filters import file
from journal.errors import UsageError
from journal.mcp import arguments as asked
from journal.mcp.frame import Record, compose, name
from journal.mcp.question import EXCERPT_CHARS, HINT, PAGE, Question, by_stems
from sync.query.candidates import Query
from sync.query.cursors import Cursor
from sync.query.filters import Calls
from sync.recall import found, query_words, session_pages


def search(ask: Question, given: asked.Search, project: str) -> str:
    """Texts with the words of the query; of all projects if this one has none."""
    terms = query_words.of(given.query)
    if not terms:
        raise UsageError("query: a search needs a letter or a digit", "give some words")
    everywhere, number, after = _place(given.after)
    may = ask.scope
    if given.session.strip():
        key = session_pages.find(ask.db, may, given.session.strip())
        may = may._replace(wanted=may.wanted._replace(only=(key,)))
    query = Query(terms, may.wanted._replace(since_us=None), limit=PAGE, since_us=ask.since_us)
    if given.path.strip():
        query = query._replace(calls=Calls(file=file(given.path.strip())))
    if everywhere:
        query = query._replace(sessions=query.sessions._replace(folders=()))
    result = found.find(ask.db, may, query, ask.now_us, number, after, stems=by_stems(given.query))
    may_widen = not (given.project.strip() or given.session.strip() or everywhere)
    if may_widen and not result.texts and after is None:
        everywhere = True
        query = query._replace(sessions=query.sessions._replace(folders=()))
        result = found.find(ask.db, may, query, ask.now_us, stems=by_stems(given.query))
    begin = f"{'all' if everywhere else 'here'}.{result.number}."
    notes = []
    if result.texts and result.number:
        notes.append(_fewer(result.terms))
    if result.texts and everywhere and may_widen:
        notes.append("Nothing in this project: these are of all projects.")
    records = (_hit(ask, text, result.terms, begin) for text in result.texts)
    end = f"{begin}{result.more}" if result.more and result.texts else ""
    return compose("search", project, notes, records, given.max_chars, end)


def _fewer(terms: list[Any]) -> str:
    shown = name(", ".join(term.text for term in terms), 120)
    return f"No text holds all the words; these hold: {shown}"


def _place(after: str) -> tuple[bool, int, Cursor | None]:
    if not after.strip():
        return False, 0, None
    where, _, rest = after.strip().partition(".")
    number, _, cursor = rest.partition(".")
    if where not in ("all", "here") or not number.isdecimal() or len(number) > 3:
        raise UsageError("after: not a value that a search returned", HINT)
    return where == "all", int(number), Cursor.of(cursor)


def _hit(ask: Question, text: found.Text, terms: list[Any], begin: str) -> Record:
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
    lines += ask.teller.excerpt(text.text, terms, EXCERPT_CHARS)
    return Record(said, lines, f"{begin}{hit.cursor}")
