"""The view of projects: which key a session is shown under.

Two things are corrected of what its record says. Anybody can write the URL of a remote into
`.git/config` (see hooks/belonging.py): a folder that has not shown that it belongs to the project
of the remote is a project of its own. And keys of older versions, by host name or first commit,
become present ones. Which folders belong is remembered in `project_folders`, never derived again:
the first folder of a project is the one that was there first.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import apsw
import orjson

from hooks import emit
from hooks.belonging import folders_file
from hooks.git_look import MOST_COMMITS
from hooks.project import locate
from journal.durable_files import write_whole
from journal.layout import Layout
from journal.session.state import SessionState
from sync.store import states


def set_home(db: apsw.Connection, unique: str) -> None:
    """Whose database this is: what was recorded without a home's id is of this one."""
    if home_of(db) != unique:
        with db:
            db.execute("delete from home")
            db.execute("insert into home values (?)", (unique,))


def home_of(db: apsw.Connection) -> str:
    """The id of this home; "" before it had one."""
    return str(db.execute("select id from home").get or "")


def key_of(db: apsw.Connection, state: SessionState) -> str:
    """The key of the session's project."""
    own = home_of(db)
    scope = state.home or (own if _is_own_host(db, own, state.host) else state.host)
    key = state.project or f"path:{scope}:{state.cwd.rstrip('/') or '/'}"
    if key.startswith("git:"):
        belongs = _belongs(db, key, scope, _folder(state))
        return key if belongs != 0 else f"repo:{scope}:{_folder(state)}"
    if not state.home and scope == own:
        return _present(key, own, state)
    return key


def _present(key: str, own: str, state: SessionState) -> str:
    """The present form of a key that was recorded on this machine under its host name."""
    kind, _, rest = key.partition(":")
    if kind == "repo":  # of a hook that knew no home's id
        return f"repo:{own}:{rest.partition(':')[2]}"
    directory = rest.partition(":")[2] if kind == "path" else state.top or state.cwd
    if kind not in ("path", "root") or not directory.startswith("/"):
        return key
    found = locate(directory, own).own if Path(directory).is_dir() else ""
    return found or (f"path:{own}:{directory}" if kind == "path" else key)


def is_here(db: apsw.Connection, origin: Mapping[str, Any]) -> bool:
    """Whether a record with this header was made in this home, under any name of the machine."""
    own, host = home_of(db), str(origin.get("host") or "")
    if home := origin.get("home"):
        return bool(home == own)
    return host == os.uname().nodename or _is_own_host(db, own, host)


def _is_own_host(db: apsw.Connection, own: str, host: str) -> bool:
    """Whether records of this home were made under that host name."""
    if not own or host == os.uname().nodename:
        return bool(own)
    query = """
        select exists (select 1 from origins
          where header ->> 'home' = ? and header ->> 'host' = ?)
    """
    return bool(db.execute(query, (own, host)).get)


def _folder(state: SessionState) -> str:
    return state.folder or state.top or state.cwd


def _belongs(db: apsw.Connection, project: str, home: str, folder: str) -> int | None:
    """1: the folder belongs to the project, 0: it does not, None: not looked up yet."""
    query = "select belongs from project_folders where project = ? and home = ? and folder = ?"
    found = db.execute(query, (project, home, folder)).get
    return None if found is None else int(found)


def settle(db: apsw.Connection, sessions: Iterable[int]) -> None:
    """Decide of the folders of these sessions (rows) whether they belong to what they name.

    The first folder of a project does, of each home; others if they have shown a commit of it.
    """
    query = """
        select session, state from session_states
        where session in (select value from json_each(?)) order by started_us, session
    """
    rows: list[Any] = db.execute(query, (orjson.dumps(list(sessions)).decode(),)).fetchall()
    for key, data in rows:
        state = states.load(data)
        if state is not None and state.project.startswith("git:"):
            _settle(db, key, state)


def _settle(db: apsw.Connection, session: int, state: SessionState) -> None:
    own = home_of(db)
    home = state.home or (own if _is_own_host(db, own, state.host) else state.host)
    who = (state.project, home, _folder(state))
    before = _belongs(db, *who)
    if before == 1 or (before == 0 and not state.shown):
        return
    first = "select not exists (select 1 from project_folders where project = ? and home = ?)"
    # What an older version recorded named no folder: all of it was one project.
    belongs = bool(state.shown) or not state.folder or bool(db.execute(first, who[:2]).get)
    with db:
        db.execute("insert or replace into project_folders values (?, ?, ?, ?)", (*who, belongs))
        mark = "insert or ignore into stale_contexts values (?)"
        db.executemany(mark, [(state.project,), (f"repo:{home}:{who[2]}",)])
        query = "update session_states set project = ? where session = ?"
        db.execute(query, (key_of(db, state), session))


def write_folders(db: apsw.Connection, layout: Layout, project: str) -> None:
    """Write what hooks need to know of the folders of a remote's project."""
    own = home_of(db)
    query = "select folder, belongs from project_folders where project = ? and home = ?"
    rows: list[Any] = db.execute(query, (project, own)).fetchall()
    if not project.startswith("git:") or not rows:
        return
    lines = []
    for folder, belongs in rows:
        name = emit.fingerprint(folder)
        lines += [f"+{name}"] if belongs else [f"-{name} {head}" for head in _heads(db, folder)]
    lines += [f"c{commit}" for commit in _commits(db, project)]
    path = Path(folders_file(str(layout.home), project))
    write_whole(path, "".join(f"{line}\n" for line in lines).encode("ascii", "replace"))


def _heads(db: apsw.Connection, folder: str) -> list[str]:
    """The commits of a folder that does not belong, at which git was asked."""
    found = (states.fields(data) for (data,) in db.execute("select state from session_states"))
    heads = (fields.get("head") or "" for fields in found if fields.get("folder") == folder)
    return list(dict.fromkeys(heads))


def _commits(db: apsw.Connection, project: str) -> list[str]:
    """The newest commits that were recorded for a project."""
    query = "select state from session_states where project = ? order by last_us desc"
    found: dict[str, None] = {}
    for (data,) in db.execute(query, (project,)):
        if head := states.fields(data).get("head"):
            found[head] = None
        if len(found) == MOST_COMMITS:
            break
    return list(found)
