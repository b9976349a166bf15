"""Search in the team archive: the same words as at home, the newest texts first.

The archive's function `matching` names the records that hold all words; their lines are read under
row-level security, and the texts in them are looked at as the home's search does.
"""

import unicodedata
from binascii import crc32
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from uuid import UUID

from journal.errors import UsageError
from journal.record import record
from journal.search_words import Phrase, query_words
from journal.session.meaning import Action, Meaning
from journal.session.texts import TextKind, summary_text, texts
from journal.times import EARLIEST_US
from sync.query.candidates import Query
from sync.query.filters import Calls
from sync.query.search import Hit
from sync.query.terms import Term, folded, snippet
from sync.store import facts
from sync.team_archive.archive import Archive
from sync.team_archive.listing import SHORT_CHARS

SECONDS = 5.0
_ROUNDS = 8  # pages of candidates that are looked at for one page of hits
_MOST = 2_000  # candidates in one page
_ENDLESS = (1 << 62, (1 << 128) - 1)
_HINT = "repeat the words and filters, with the cursor of a line unchanged"
_MATCHING = """
select s.owner, m.found_id, m.found_us, m.is_summary, s.agent, s.id, s.project_name, s.title,
  case when m.is_summary then convert_to(s.summary, 'UTF8') else r.line end
from (
  select * from {schema}.matching(%(query)s::tsquery, %(kinds)s, %(since)s, %(until)s, %(us)s,
    %(id)s::uuid, %(most)s, %(owner)s, %(agent)s, %(project)s, %(branch)s, %(host)s, %(state)s,
    %(triggers)s, %(active_since)s, %(active_until)s,
    %(keys)s::text[], %(owns)s::text[], %(paths)s::text[], %(tops)s::text[])
  order by found_us desc, found_id desc limit %(most)s
) m
join {schema}.sessions s on s.number = m.found_session
left join {schema}.records r on not m.is_summary and r.owner = s.owner and r.id = m.found_id
order by m.found_us desc, m.found_id desc
"""
_OF_CALLS = (TextKind.INPUT, TextKind.OUTPUT)


class Found(NamedTuple):
    """A text that was found, and the owner of its session."""

    owner: str
    hit: Hit


class _Place(NamedTuple):
    """Behind which record, and which of its texts."""

    at_us: int
    number: int
    kind: int


class _Text(NamedTuple):
    kind: TextKind
    text: str
    meaning: Meaning | None


def search(
    archive: Archive, query: Query, owner: str = "", after: str | None = None
) -> list[Found]:
    """The newest texts that hold every term, at most `query.limit`. JournalError; UsageError."""
    mark = crc32(f"{query.mark} {owner}".encode())
    asked = tsquery(query.terms)
    if not asked:
        return []
    place = _Place(*_ENDLESS, 99) if after is None else _place(after, mark)
    found: list[Found] = []
    most = min(_MOST, max(query.limit, 20) * 2)
    for _ in range(_ROUNDS):
        rows = archive.rows(_MATCHING, _values(query, asked, owner, place, most))
        for row in rows:
            for one in _hits(row, query, place, mark):
                found.append(one)
                if len(found) == query.limit:
                    return found
            place = _Place(row[2], row[1].int, 99)
        if len(rows) < most:
            break
        most = min(_MOST, most * 2)
    return found


def tsquery(terms: Iterable[Term]) -> str:
    """The words of all terms as PostgreSQL takes them; "" if there is none."""
    parts = []
    for term in terms:
        for forms in query_words(term.text, term.prefix):
            parts.append(f"({' | '.join(map(_phrase, forms))})")
    return " & ".join(dict.fromkeys(parts))


def _phrase(phrase: Phrase) -> str:
    """All words of a phrase; that they are next to each other only the text shows."""
    last = len(phrase.words) - 1
    return " & ".join(
        _quoted(word) + ":*" * (phrase.prefix and number == last)
        for number, word in enumerate(phrase.words)
    )


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _values(query: Query, asked: str, owner: str, place: _Place, most: int) -> dict[str, Any]:
    filters, folders = query.sessions.filters, query.sessions.folders
    kinds = sum(1 << kind for kind in query.kinds)
    if query.calls is not None:
        kinds &= sum(1 << kind for kind in _OF_CALLS)
    before = min(place.number + (place.kind < 99), _ENDLESS[1])  # with the record itself, or not
    return {
        "query": asked,
        "kinds": kinds,
        "since": query.since_us,
        "until": query.until_us,
        "active_since": query.sessions.since_us or EARLIEST_US,
        "active_until": query.sessions.until_us or _ENDLESS[0],
        "us": place.at_us,
        "id": UUID(int=before),
        "most": most,
        "owner": owner or None,
        "agent": filters.agent or None,
        "project": filters.project or None,
        "branch": filters.branch or None,
        "host": filters.host or None,
        "state": filters.state or None,
        "triggers": None if filters.adopt_on is None else list(filters.adopt_on),
        "keys": [folder.key for folder in folders],
        "owns": [folder.own for folder in folders],
        "paths": [folder.paths for folder in folders],
        "tops": [folder.top for folder in folders],
    }


def _hits(row: tuple[Any, ...], query: Query, place: _Place, mark: int) -> Iterator[Found]:
    owner, unique, at_us, is_summary, agent, session, project, title, data = row
    if data is None:
        return  # deleted since it was found
    same = (at_us, unique.int) == (place.at_us, place.number)
    for kind, text, meaning in _texts(bytes(data), is_summary):
        if kind not in query.kinds or (same and kind <= place.kind):
            continue
        if not _is_of(meaning, query.calls) or not _holds(text, query.terms):
            continue
        here = _Place(at_us, unique.int, kind)
        hit = Hit(
            session, session[:SHORT_CHARS], agent, project, title,
            None if is_summary else unique.bytes, "" if is_summary else unique.hex[:12],
            at_us, kind, snippet(text, query.terms), _cursor(here, mark),
        )  # fmt: skip
        yield Found(owner, hit)


def _texts(data: bytes, is_summary: bool) -> Iterator[_Text]:
    if is_summary:
        text = unicodedata.normalize("NFC", summary_text(data.decode()))
        yield _Text(TextKind.SUMMARY, text, None)
        return
    made = record.parse(data)
    meaning = facts.understand(made.agent, made.event, made.body, made.raw)
    for kind, text in sorted(texts(meaning, with_input=True)):
        yield _Text(kind, unicodedata.normalize("NFC", text), meaning)


def _is_of(meaning: Meaning | None, calls: Calls | None) -> bool:
    """Whether a text is of one of these calls."""
    if calls is None:
        return True
    if meaning is None or (calls.tool and not fnmatchcase(meaning.tool, calls.tool)):
        return False
    if calls.file is None:
        return True
    if meaning.action not in (Action.READ, Action.EDIT):
        return False
    tail = calls.file.tail
    ends = bool(tail) and (meaning.target == tail or meaning.target.endswith(f"/{tail}"))
    return meaning.target in calls.file.paths or ends


def _holds(text: str, terms: Iterable[Term]) -> bool:
    """Whether one text holds every term: a record's words are of all of its texts."""
    plain = folded(text)
    return all(next(term.spans(text, plain), None) is not None for term in terms)


def _cursor(place: _Place, mark: int) -> str:
    return f"a1_{mark:x}_{place.at_us:x}_{place.number:x}_{place.kind:x}"


def _place(text: str, mark: int) -> _Place:
    version, *rest = text.split("_")
    try:
        known, *numbers = [int(part, 16) for part in rest]
        at_us, number, kind = numbers
    except ValueError as error:
        raise UsageError("this is not a cursor of a search", _HINT) from error
    if version != "a1" or known != mark or not 0 <= number <= _ENDLESS[1] or at_us > _ENDLESS[0]:
        raise UsageError("this cursor belongs to another search", _HINT)
    return _Place(at_us, number, kind)
