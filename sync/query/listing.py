"""Sessions as people are shown them: lists with filters, and one found by what it is called.

A list costs what it shows. Start-and-stop sessions are most of some homes: no row of theirs is
touched, because the index that lists run on does not hold them; and only the rows of the page are
read together with their states.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apsw

from hooks.context import SILENT_SECONDS
from journal.errors import JournalError, UsageError
from journal.printable import one_line
from journal.session.state import SessionState
from journal.session.summary import shown_path
from journal.times import SECOND_US, to_text
from sync.query.filters import Wanted
from sync.store import short_ids
from sync.store.states import load as load_state
from sync.views import inferred_ends

STATES = ("awaiting", "working", "idle", "finished")  # as they are listed
SILENT_US = SILENT_SECONDS * SECOND_US  # as for the context of the next session
MAX_CANDIDATES = 8
_NAME_CHARS = 60
LAST_CHAR = chr(0x10FFFF)
_RANK = "case s.status when 'awaiting' then 0 when 'working' then 1 when 'idle' then 2 else 3 end"
_COLUMNS = """
select s.session, s.agent, s.id, state, triggers, status, project, project_name, cwd, branch, host,
  title, started_us, last_us, ended_us, end_reason, events, prompts, m.memory_id,
  coalesce(p.pinned, 0)
from session_states s left join memory_ids m on m.agent = s.agent and m.session = s.id
left join pins p on p.agent = s.agent and p.session = s.id
where s.session = ?
"""


@dataclass(frozen=True, slots=True)
class Session:
    """One session as lists show it. Times are microseconds since 1970; None means not known."""

    key: int  # its row
    agent: str
    id: str
    short_id: str
    memory_id: str | None  # None: it has none yet
    project: str  # what people call it
    project_key: str
    cwd: str
    status: str
    adopted: bool
    pinned: bool
    title: str
    started_us: int
    last_us: int
    ended_us: int | None
    end_reason: str | None
    ending: str  # `ended` by itself, `failed` or `cut off`; "" while it has not finished
    events: int
    prompts: int
    branch: str
    head: str
    host: str
    question: str  # what waits for the person
    waiting_us: int | None  # since when
    subagents: int  # that run
    tool: str  # the one of a working session that began last and still runs
    target: str  # what it works on; a path relative to the project
    seen: bool = False  # a process is known that could be looked at from here

    @property
    def shown_state(self) -> str:
        """Its state for people, who want to know how it finished."""
        return self.ending if self.ending in ("failed", "cut off") else self.status

    def state_at(self, now_us: int) -> str:
        """The same for a screen, which says `silent` of what can no longer be called running."""
        return "silent" if self.is_silent(now_us) else self.shown_state

    def is_silent(self, now_us: int) -> bool:
        """Whether it was last heard of in its work, long ago, and has no process to look at."""
        silent_us = now_us - self.last_us
        return self.status == "working" and not self.seen and silent_us > SILENT_US

    def json(self) -> dict[str, Any]:
        """The object of the public interface, with a few keys more."""
        return {
            "session": self.id,
            "memory_id": self.memory_id,
            "agent": self.agent,
            "project": self.project,
            "cwd": self.cwd,
            "state": self.status,
            "adopted": self.adopted,
            "pinned": self.pinned,
            "title": self.title,
            "started_at": to_text(self.started_us),
            "last_active_at": to_text(self.last_us),
            "ended_at": _text(self.ended_us),
            "end_reason": self.end_reason,
            "events": self.events,
            "prompts": self.prompts,
            "short_id": self.short_id,
            "project_key": self.project_key,
            "branch": self.branch,
            "head": self.head,
            "host": self.host,
            "question": self.question or None,
            "waiting_since": _text(self.waiting_us),
            "subagents": self.subagents,
            "tool": self.tool or None,
            "target": self.target or None,
            "ending": self.ending or None,
        }


class Place(NamedTuple):
    """Where a page of the list ended."""

    state: int  # in the order of STATES
    last_us: int
    key: int

    def __str__(self) -> str:
        """The opaque text of it."""
        return "_".join(map("{:x}".format, self))

    @classmethod
    def behind(cls, session: Session) -> "Place":
        """The place behind this session."""
        return cls(STATES.index(session.status), session.last_us, session.key)

    @classmethod
    def of(cls, text: str) -> "Place":
        """The place of such a text. UsageError: it is none."""
        try:
            state, last_us, key = (int(part, 16) for part in text.split("_"))
        except ValueError as error:
            raise UsageError("this is not a cursor of a list", "begin without `after`") from error
        if not (0 <= state < len(STATES) and abs(last_us) < 1 << 62 and 0 <= key < 1 << 62):
            raise UsageError("this is not a cursor of a list", "begin without `after`")
        return cls(state, last_us, key)


def page(
    db: apsw.Connection, wanted: Wanted, limit: int = 0, after: Place | None = None
) -> list[int]:
    """The first sessions (rows): what awaits an answer, what works, is idle, is finished.

    The newest activity first in each group; `limit` 0 means all of them; `after` goes on.
    """
    condition, values = wanted.sql()
    if after is not None:
        condition = f"({condition}) and ({_RANK}, -s.last_us, -s.session) > (?, ?, ?)"
        values = (*values, after.state, -after.last_us, -after.key)
    order = f"order by {_RANK}, s.last_us desc, s.session desc limit ?"
    query = f"select s.session from session_states s where {condition} {order}"
    return [int(key) for (key,) in db.execute(query, (*values, limit or -1))]


def newest(db: apsw.Connection, wanted: Wanted) -> int | None:
    """The session (row) that was active last; None if there is none."""
    return next(iter(newest_first(db, wanted, 1)), None)


def newest_first(db: apsw.Connection, wanted: Wanted, limit: int) -> list[int]:
    """The sessions (rows) that were active last, in any state."""
    condition, values = wanted.sql()
    order = "order by s.last_us desc, s.session desc limit ?"
    query = f"select s.session from session_states s where {condition} {order}"
    return [int(key) for (key,) in db.execute(query, (*values, limit))]


def count(db: apsw.Connection, wanted: Wanted) -> int:
    """How many sessions there are in all."""
    condition, values = wanted.sql()
    return int(db.execute(f"select count(*) from session_states s where {condition}", values).get)


def states(db: apsw.Connection, wanted: Wanted) -> dict[str, int]:
    """How many of them are in each state, in the order of `page`."""
    condition, values = wanted.sql()
    query = f"select status, count(*) from session_states s where {condition} group by 1"
    counts: dict[str, int] = dict(db.execute(query, values))
    return {name: counts.get(name, 0) for name in STATES}


def last_us(db: apsw.Connection) -> int | None:
    """When anything happened last in a session that is more than a start; None if there is none."""
    found = db.execute("select max(last_us) from session_states where triggers <> ''").get
    return None if found is None else int(found)


def read(db: apsw.Connection, keys: Iterable[int], adopt_on: Iterable[str]) -> Iterator[Session]:
    """These sessions (rows), in this order; one that is gone by now is passed over."""
    wanted = set(adopt_on)
    for key in keys:
        for row in db.execute(_COLUMNS, (key,)).fetchall():
            yield _session(db, row, wanted)


def _session(db: apsw.Connection, row: tuple[Any, ...], adopt_on: set[str]) -> Session:
    key, agent, name, data, triggers, status, project, project_name, cwd, *rest = row
    branch, host, title, started_us, last_us, ended_us, end_reason, *rest = rest
    events, prompts, memory_id, pinned = rest
    state = load_state(data) or SessionState()  # another version's: the next pass folds it
    tool, target = _running(state) if status == "working" else ("", "")
    seen = status == "working" and inferred_ends.can_be_seen(
        state.process, state.processes, state.pid, state.host
    )
    return Session(
        key=key,
        agent=agent,
        id=name,
        short_id=short_ids.of_session(db, name),
        memory_id=memory_id,
        project=project_name or cwd,
        project_key=project,
        cwd=cwd,
        status=status,
        adopted=not adopt_on.isdisjoint(triggers.split()),
        pinned=bool(pinned),
        title=title,
        started_us=started_us,
        last_us=last_us,
        ended_us=ended_us,
        end_reason=end_reason or None,
        ending=state.ending if status == "finished" else "",
        events=events,
        prompts=prompts,
        branch=branch,
        head=state.head,
        host=host,
        question=state.question if status == "awaiting" else "",
        waiting_us=state.question_us if status == "awaiting" else None,
        subagents=_running_subagents(state) if status != "finished" else 0,
        tool=tool,
        target=target,
        seen=seen,
    )


def _running(state: SessionState) -> tuple[str, str]:
    """The tool that began last of those that have not ended, and what it works on."""
    for tool in reversed(state.open_tools.values()):
        return tool.tool, shown_path(tool.target, state)
    return "", ""


def _running_subagents(state: SessionState) -> int:
    return sum(child.ended_us is None for child in state.subagents.values())


def find(db: apsw.Connection, name: str) -> int:
    """The session (row) that people call `name`: its id, a unique prefix of it, or AGENT/ID.

    JournalError: there is none, or there are several, which are then named.
    """
    agent, slash, rest = name.partition("/")
    found = _matching(db, name) or (_matching(db, rest, agent) if slash else [])
    if not found:
        raise JournalError(f"no session {shown_name(name)}", "journal sessions --all lists them")
    if len(found) > 1:
        several = f"{shown_name(name)!r} matches several sessions: {_candidates(db, found)}"
        raise JournalError(several, "type more of the id")
    return found[0][0]


def _matching(db: apsw.Connection, name: str, agent: str = "") -> list[tuple[int, str, str]]:
    """Rows, agents and ids: of this very id, else of those that begin with it."""
    if not name:
        return []
    query = "select session, agent, id from session_states where id {} and ? in ('', agent) limit ?"
    enough = MAX_CANDIDATES + 1
    found: list[Any] = db.execute(query.format("= ?"), (name, agent, enough)).fetchall()
    span = (name, name + LAST_CHAR, agent, enough)
    return found or list(db.execute(query.format(">= ? and id < ?"), span))


def _candidates(db: apsw.Connection, found: list[tuple[int, str, str]]) -> str:
    same = len({name for _, _, name in found}) == 1
    names = [
        f"{agent}/{name}" if same else short_ids.of_session(db, name) for _, agent, name in found
    ]
    shown = ", ".join(map(shown_name, names[:MAX_CANDIDATES]))
    return shown + (" …" if len(found) > MAX_CANDIDATES else "")


def shown_name(name: str) -> str:
    """What a person gave as a name, as one short line."""
    line = one_line(name)
    return line if len(line) <= _NAME_CHARS else line[: _NAME_CHARS - 1] + "…"


def _text(at_us: int | None) -> str | None:
    return None if at_us is None else to_text(at_us)
