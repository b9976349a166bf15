"""The copy of a transcript, put together again from the records that were made of its lines."""

from collections.abc import Iterator
from typing import Any

import apsw

from journal.agents import AGENTS, HISTORY, TRANSCRIPT
from journal.agents.claude_code import transcript_lines
from journal.agents.transcript_entry import dump
from sync.store import facts

_AT_ONCE = 200


def lines(db: apsw.Connection, session: int, subagent: str = "") -> Iterator[bytes]:
    """What is kept of a session's (row) transcript, or of a sub-agent's: a line for each record.

    In the order of the file. Memory holds three numbers of each line, and the bodies of a few.
    """
    agent = db.execute("select agent from sessions where key = ?", (session,)).get
    files = AGENTS[agent].transcripts if agent in AGENTS else None
    if files is None:
        yield from (_line(parts) for parts in _parts(db, session, subagent))
        return
    for fields in files.joined(_parts(db, session, subagent)):
        yield dump(fields) + b"\n"


def _parts(db: apsw.Connection, session: int, subagent: str) -> Iterator[list[dict[str, Any]]]:
    """What is kept of each line, in the order of the file."""
    places = sorted(_places(db, session, subagent))
    parts: list[dict[str, Any]] = []
    at = None
    for start in range(0, len(places), _AT_ONCE):
        some = places[start : start + _AT_ONCE]
        stored = facts.events_at(db, (seq for _, _, seq in some))
        for offset, part, seq in some:
            if seq not in stored:
                continue  # removed by another process a moment ago
            if parts and (part == 0 or offset != at):
                yield parts
                parts = []
            line = stored[seq].payload.get("line")
            if isinstance(line, dict):
                parts.append(line)
            at = offset
    if parts:
        yield parts


def _places(db: apsw.Connection, session: int, subagent: str) -> Iterator[tuple[int, int, int]]:
    """Offset, part and row of each record."""
    query = "select seq from events where session = ? and name in (?, ?)"
    rows: list[Any] = db.execute(query, (session, TRANSCRIPT, HISTORY)).fetchall()
    seqs = [seq for (seq,) in rows]
    for start in range(0, len(seqs), _AT_ONCE):
        for seq, stored in facts.events_at(db, seqs[start : start + _AT_ONCE]).items():
            said = stored.payload
            if isinstance(said, dict) and said.get("agent_id", "") == subagent:
                yield int(said.get("offset", 0)), int(said.get("part", 0)), seq


def _line(parts: list[dict[str, Any]]) -> bytes:
    return transcript_lines.dump(transcript_lines.joined(parts)) + b"\n"
