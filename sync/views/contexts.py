"""The view that the next session is shown: one prepared file a project.

Deriving only marks a project as stale, in the transaction of its facts. The file is written after
that, whole, and the mark then removed: a kill in between writes it again.
"""

import shlex
import sys
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import apsw

from journal.context import prepared_file
from journal.context.session_text import block
from journal.durable_files import write_whole
from journal.layout import Layout
from journal.settings.sources import Settings
from journal.times import to_datetime
from sync.store import short_ids, states
from sync.views import projects, summaries
from sync.views.change import Change


def derive(db: apsw.Connection, changes: list[Change], now_us: int) -> None:
    """Mark the sessions' projects as stale, and those that they were counted to before."""
    query = "select project from session_states where session = ?"
    keys = {projects.key_of(db, change.state) for change in changes if change.state.started_us}
    keys |= {str(db.execute(query, (change.session,)).get or "") for change in changes}
    rows = [(project,) for project in keys if project]
    db.executemany("insert or ignore into stale_contexts values (?)", rows)


def mark(db: apsw.Connection, session: int) -> None:
    """Mark the session's project as stale: the session is about to change, or to go."""
    query = "select project from session_states where session = ?"
    db.execute(f"insert or ignore into stale_contexts {query}", (session,))


def unused(db: apsw.Connection, layout: Layout) -> list[Path]:
    """The prepared files of projects that have no session any more."""
    keys: list[Any] = db.execute("select distinct project from session_states").fetchall()
    used = {layout.context_file(project) for (project,) in keys}
    try:
        return sorted(
            path
            for path in layout.contexts.iterdir()
            if path.suffix in (".tsv", ".folders")
            and path.name[0] != "."
            and path.with_suffix(".tsv") not in used
        )
    except FileNotFoundError:
        return []


def write_stale(db: apsw.Connection, layout: Layout, settings: Settings, now_us: int) -> int:
    """Write the files of all stale projects, or remove that of one without sessions; how many.

    JournalError: one cannot be written.
    """
    stale = [str(row[0]) for row in db.execute("select project from stale_contexts")]
    for project in stale:
        path = layout.context_file(project)
        if _has_sessions(db, project):
            projects.write_folders(db, layout, project)
            write_whole(path, _prepared(db, layout, settings, project, now_us))
        else:
            path.unlink(missing_ok=True)
        with db:
            db.execute("delete from stale_contexts where project = ?", (project,))
    return len(stale)


def _has_sessions(db: apsw.Connection, project: str) -> bool:
    query = "select 1 from session_states where project = ? limit 1"
    return db.execute(query, (project,)).fetchone() is not None


def _has_several_agents(db: apsw.Connection, project: str) -> bool:
    """Whether the project has sessions of more than one agent."""
    query = "select count(distinct agent) from session_states where project = ?"
    return int(db.execute(query, (project,)).get) > 1


def _prepared(
    db: apsw.Connection, layout: Layout, settings: Settings, project: str, now_us: int
) -> bytes:
    zone = to_datetime(now_us).astimezone().tzinfo or UTC
    query = """
        select agent, id, state, triggers, project_name, last_us from session_states
        where project = ? and triggers <> '' order by last_us desc
    """
    wanted = set(settings.sessions.adopt_on)
    name, blocks = "", []
    several = _has_several_agents(db, project)
    for agent, session_id, data, triggers, project_name, last_us in db.execute(query, (project,)):
        state = states.load(data)
        if state is None or not wanted & set(triggers.split()):
            continue
        name = name or project_name
        summary = summaries.best(db, agent, session_id, state)
        short_id = short_ids.of_session(db, session_id)
        named = agent if several else ""
        made = block(session_id, state, summary, short_id, zone, named)
        if made is not None:
            blocks.append(replace(made, last_us=last_us))  # which may be earlier than it says
        if len(blocks) == max(prepared_file.MAX_BLOCKS, 2 * settings.context.sessions):
            break
    prepared = prepared_file.Prepared(
        project=name,
        prepared_us=now_us,
        max_chars=settings.context.max_chars,
        sessions=settings.context.sessions,
        sources=settings.context.sources,
        command=_command(layout),
        blocks=blocks,
    )
    return prepared_file.dump(prepared, zone)


def _command(layout: Layout) -> str:
    """What a person types to run this program: absolute, in the folder of its interpreter."""
    path = Path(sys.executable).parent / "journal"
    words = [str(path) if path.exists() else "journal"]
    if layout != Layout.default():
        words += ["--home", str(layout.home)]
    return shlex.join(words)
