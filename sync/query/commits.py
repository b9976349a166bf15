"""Which sessions made a commit.

Git says in a line which commit it made (`[main 1a2b3c4] subject`), and the index finds that line.
A quiet commit prints none: then a call that ran Git's command in this project at the second of the
commit made it, unless its output names other commits.
"""

import re
from typing import Any, NamedTuple

import apsw

from journal.session.meaning import Action
from journal.session.outputs import text_of
from journal.session.texts import KINDS, TextKind
from journal.times import SECOND_US
from sync.query.filters import Folder
from sync.store import facts
from sync.store.facts import Stored

_LEAST_DIGITS = 7  # of an abbreviated id
_MOST_TEXTS = 2_000
_MADE = re.compile(r"^\s*\[[^\]\n]{1,300} ([0-9a-f]{7,64})\]", re.MULTILINE)
_COMMITS = re.compile(
    r"\bgit\b[^|;&\n]{0,400}\b(?:commit|merge|rebase|cherry-pick|revert|am|pull|commit-tree)\b"
)
_TEXTS = """
select distinct rowid / ? from full_text where full_text match ? and rowid > 0 and rowid % ? = ?
limit ?
"""
_SESSION = "select session from events where seq = ?"
_CALLS = """
select o.seq, o.end_seq
from session_states s join items o on o.session = s.session
  join events b on b.seq = o.seq left join events a on a.seq = o.end_seq
where s.started_us < ? and s.last_us >= ? and {} and o.kind = 'call' and not o.inherited
  and b.at_us < ? and coalesce(a.at_us, ?) >= ?
"""


class Commit(NamedTuple):
    """A commit: its whole id, and the second in which it was made."""

    sha: str
    at_us: int


def sessions_of(db: apsw.Connection, commit: Commit, folder: Folder) -> list[int]:
    """The sessions (rows) that made it; empty for one that a person made."""
    return sorted({*_named(db, commit), *_running(db, commit, folder)})


def _named(db: apsw.Connection, commit: Commit) -> set[int]:
    """Those in which Git said that it made it."""
    words = f'"{commit.sha[:_LEAST_DIGITS]}"*'
    rows = db.execute(_TEXTS, (KINDS, words, KINDS, int(TextKind.OUTPUT), _MOST_TEXTS)).fetchall()
    seqs: list[Any] = [seq for (seq,) in rows]
    found = set()
    for seq, stored in facts.events_at(db, seqs).items():
        if any(commit.sha.startswith(short) for short in _made(stored)):
            session: Any = db.execute(_SESSION, (seq,)).get
            found.add(int(session))
    return found


def _running(db: apsw.Connection, commit: Commit, folder: Folder) -> set[int]:
    """Those that ran Git's command in the second of the commit, and name no other commit."""
    begin, end = commit.at_us, commit.at_us + SECOND_US
    condition, values = folder.sql()
    rows: list[Any] = db.execute(
        _CALLS.format(condition), (end, begin, *values, end, end, begin)
    ).fetchall()
    seqs = [seq for row in rows for seq in row if seq is not None]
    events = facts.events_at(db, seqs)
    found = set()
    for before, after in rows:
        call, result = events.get(before), events.get(after)
        if call is None or call.event.meaning.action is not Action.RUN:
            continue
        if _COMMITS.search(call.event.meaning.target) and not (result and _made(result)):
            session: Any = db.execute(_SESSION, (before,)).get
            found.add(int(session))
    return found


def _made(stored: Stored) -> list[str]:
    """The ids of the commits that a call's output says it made."""
    meaning = stored.event.meaning
    return _MADE.findall(text_of(meaning.output) or meaning.text)
