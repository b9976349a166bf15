"""What was asked, done and left open in a span of time, by project."""

from itertools import groupby
from typing import Any, NamedTuple

import apsw
import orjson

from journal.printable import one_line
from journal.times import EARLIEST_US, to_text
from sync.query import listing
from sync.query.filters import Wanted
from sync.query.listing import Session
from sync.store import facts

MOST_ASKED = 8  # prompts of one session that are named
_CHARS = 200
_UNANSWERED = "unanswered:"
_ASKED = """
select e.seq, count(*) over () from items p join events e on e.seq = p.seq
where p.session = ? and p.kind = 'prompt' and p.author <> 'machine' and not p.taken_back
  and not p.inherited and e.at_us >= ?
order by p.position limit ?
"""
_SUMMARY = "select summary from summaries where session = ?"


class Done(NamedTuple):
    """One session. `asked`: the first prompts of the span, a line each; `prompts` counts all."""

    session: Session
    asked: list[str]
    prompts: int
    done: str
    left: str

    def json(self) -> dict[str, Any]:
        """The object of the public interface."""
        return {
            "session": self.session.id,
            "agent": self.session.agent,
            "title": self.session.title,
            "state": self.session.status,
            "last_active_at": to_text(self.session.last_us),
            "asked": self.asked,
            "prompts": self.prompts,
            "done": self.done.split("\n") if self.done else [],
            "open": self.left.split("\n") if self.left else [],
        }


class Project(NamedTuple):
    """A project and its sessions, the newest activity first."""

    name: str
    sessions: list[Done]

    def json(self) -> dict[str, Any]:
        """The object of the public interface."""
        return {"project": self.name, "sessions": [one.json() for one in self.sessions]}


def digest(db: apsw.Connection, wanted: Wanted, adopt_on: tuple[str, ...]) -> list[Project]:
    """The projects with activity since `wanted.since_us`, the newest activity first."""
    sessions = list(listing.read(db, listing.page(db, wanted), adopt_on))
    sessions.sort(key=lambda session: -session.last_us)
    rank: dict[str, int] = {}
    for number, session in enumerate(sessions):
        rank.setdefault(session.project, number)
    sessions.sort(key=lambda session: (rank[session.project], -session.last_us))
    return [
        Project(name, [done(db, session, wanted.since_us or EARLIEST_US) for session in group])
        for name, group in groupby(sessions, lambda session: session.project)
    ]


def done(db: apsw.Connection, session: Session, since_us: int) -> Done:
    """What was asked in one session since then; what was done and left open in all of it."""
    rows: list[Any] = db.execute(_ASKED, (session.key, since_us, MOST_ASKED)).fetchall()
    seqs = [seq for seq, _ in rows]
    events = facts.events_at(db, seqs)
    asked = [_line(events[seq].event.meaning.text) for seq in seqs if seq in events]
    summary = db.execute(_SUMMARY, (session.key,)).get
    fields = orjson.loads(summary) if isinstance(summary, str) else {}
    left = str(fields.get("next_steps") or "")
    if session.waiting_us is not None and session.question and not left.startswith(_UNANSWERED):
        left = "\n".join(filter(None, (f"{_UNANSWERED} {one_line(session.question)}", left)))
    number = rows[0][1] if rows else 0
    return Done(session, asked, number, str(fields.get("completed") or ""), left)


def _line(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _CHARS else line[: _CHARS - 1].rstrip() + "…"
