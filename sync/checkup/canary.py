"""What became of the canary: whether it was recorded and stored, and that no trace of it stays.

It is removed from the journal and from the database, under the lock, so that it is in no count.
One that a killed run has left is removed by the next, an hour later; until then it is a session
of one event, which is adopted by nothing and so it is not shown given to no session and no remote.
"""

from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path

import apsw

from journal.doctor import Finding, Status, Voice
from journal.doctor.canary import CLAUDE_CODE, PREFIX, Canary, Sent, send, spooled
from journal.durable_files import write_whole
from journal.errors import BusyError, JournalError
from journal.layout import Layout
from journal.times import SECOND_US
from sync.store import connection
from sync.store.locks import locked
from sync.views import session_deletion
from sync.views.tombstones import Grave

LEFT_US = 3600 * SECOND_US  # no run takes so long
_FOR_EVER_US = 2**62


def fly(
    layout: Layout,
    canary: Canary,
    environ: Mapping[str, str],
    now_us: int,
    run_pass: Callable[[], object],
    keep_trying: Callable[[], bool],
) -> list[Finding]:
    """Send a canary, store it, find it, remove it."""
    say = Voice("canary")
    found = _judge(say, layout, canary, send(canary, environ), run_pass)
    try:
        remove(layout, canary.session, now_us, keep_trying)
    except JournalError as error:
        if found.status is Status.OK:  # else that is the reason, too
            hint = "no list shows it; a later run removes it"
            return [say.warning(f"recorded and found, but not removed again: {error}", hint)]
    return [found]


def _judge(
    say: Voice, layout: Layout, canary: Canary, sent: Sent, run_pass: Callable[[], object]
) -> Finding:
    if sent.problem:
        return say.error(f"{canary.event}: {sent.problem}", "run: journal install")
    in_spool = spooled(layout.spool, canary)
    if not in_spool and not list(_files(layout, canary.session)):
        hint = "the hook ran and wrote nothing: run journal install, look at rights and free space"
        return say.error("a record sent through the hook was not recorded", hint)
    try:
        run_pass()
    except BusyError as error:
        hint = "run it again when that is done"
        return say.warning(f"recorded, but not checked in the database: {error}", hint)
    except JournalError as error:
        return say.error(f"recorded, but not stored: {error}", error.hint)
    if not is_stored(layout, canary.session, canary.agent):
        return say.error("recorded, but not found in the database", connection.REBUILD)
    if in_spool:
        reason = (
            "no emitter could run" if in_spool.suffix == ".raw" else "the home could not be written"
        )
        hint = "run: journal install; look at rights and free space of the home"
        return say.error(f"the record went through the spool: {reason}", hint)
    took = f"{sent.seconds * 1000:.0f} ms"
    return say.ok(f"sent through the {canary.event} hook ({took}), found, and removed again")


def is_stored(layout: Layout, session: str, agent: str = CLAUDE_CODE) -> bool:
    """Whether the database holds an event of it. StoreError: it cannot be opened."""
    query = """
        select 1 from events where session = (select key from sessions where agent = ? and id = ?)
    """
    with closing(connection.open_store(layout)) as db:
        return db.execute(query, (agent, session)).fetchone() is not None


def remove(layout: Layout, session: str, now_us: int, keep_trying: Callable[[], bool]) -> None:
    """Remove this canary, and those that killed runs have left.

    BusyError: another sync kept the lock. JournalError: the home or the database cannot be
    written.
    """
    if not layout.home.is_dir():
        return
    with locked(layout.sync_lock, keep_trying):
        try:
            _remove_files(layout, session, now_us)
            if layout.database.exists():
                with closing(connection.open_store(layout)) as db, db:
                    for found in _sessions(db, session, now_us):
                        _remove_session(db, layout, *found, now_us)
        except apsw.Error as error:
            raise connection.explain(error, layout.database) from error
        except OSError as error:
            hint = "check the owner and rights of the home"
            raise JournalError(f"cannot remove the canary: {error}", hint) from error


def _files(layout: Layout, session: str = "") -> list[Path]:
    """The files of this canary's session in the journal; of all canaries if none is named.

    With those of what the journal itself has said of a canary that was left for long.
    """
    beginning = session or PREFIX
    days = layout.day_names()
    entries = (entry for day in days for entry in layout.entries_of(day))
    return [
        Path(entry.path)
        for entry in entries
        if entry.name.partition(".")[2].startswith(beginning)  # behind the agent
    ]


def _remove_files(layout: Layout, session: str, now_us: int) -> None:
    in_spool = [path for path in layout.spool.glob("*.*") if session in path.name]
    for path in (*_files(layout), *in_spool):
        status = path.stat()
        if session not in path.name and now_us - status.st_mtime_ns // 1000 < LEFT_US:
            continue  # of another run, at this moment
        if path.parent != layout.spool:
            _lower_stamp(layout, status.st_size)
        path.unlink()
        with suppress(OSError):  # other files may be in the folder: it stays
            path.parent.rmdir()


def _lower_stamp(layout: Layout, size: int) -> None:
    """The day files are about to be smaller: too high a stamp would hide as many new bytes."""
    try:
        seen = int(layout.synced.read_bytes())
    except (FileNotFoundError, ValueError):
        return
    write_whole(layout.synced, f"{max(seen - size, 0)}\n".encode())


def _sessions(db: apsw.Connection, session: str, now_us: int) -> list[tuple[str, str]]:
    """Agent and id of each canary that is to go."""
    query = """
        select s.agent, s.id from sessions s left join session_states v on v.session = s.key
        where s.id >= ?1 and s.id < ?1 || '~'
        and (s.id = ?2 or coalesce(v.last_us, 0) < ?3)
    """
    values = (PREFIX, session, now_us - LEFT_US)
    return [(str(agent), str(found)) for agent, found in db.execute(query, values).fetchall()]


def _remove_session(
    db: apsw.Connection, layout: Layout, agent: str, session: str, now_us: int
) -> None:
    """All of it, and the context that was prepared for the project that it is none of."""
    query = "select project from session_states where agent = ? and id = ?"
    project = db.execute(query, (agent, session)).get
    session_deletion.up_to(db, [Grave(agent, session, _FOR_EVER_US)], now_us)
    db.execute("delete from cursors where path glob ?", (f"*/*.{session}.jsonl",))
    if project:
        db.execute("delete from stale_contexts where project = ?", (project,))
        layout.context_file(str(project)).unlink(missing_ok=True)
