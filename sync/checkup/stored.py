"""Checks of what is stored: the database, what is not in it yet, what never will be, the clock."""

import os
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import apsw

from journal.doctor import Finding, Voice, count
from journal.redaction.version import OFF
from journal.times import SECOND_US, to_text
from sync.checkup import Subject
from sync.retention.pack_file import pack_files, rules_of
from sync.store import clock, connection, schema
from sync.store.file_systems import network_file_system

_WATCHED_US = 15 * 60 * SECOND_US  # within so long a watcher takes everything in
_UNWATCHED_US = 24 * 3600 * SECOND_US
_CLOCK_US = 5 * 60 * SECOND_US


def look_at_database(subject: Subject) -> list[Finding]:
    """The database opens, is of this version, and is whole (SQLite's quick_check)."""
    say, path = Voice("database"), subject.layout.database
    kind = network_file_system(subject.layout.home)
    if kind is not None:
        message = f"{path} lies on a network file system ({kind}), not safe for a database"
        return [say.error(message, "choose a --home on a local disk")]
    if not path.exists():
        if pack_files(subject.layout):
            message = f"{path} is missing, and earlier days are packed"
            return [say.error(message, connection.REBUILD, subject.rebuilding())]
        return [say.ok("not made yet; the first command that reads makes it")]
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as db:
            db.set_busy_timeout(connection.BUSY_MS)
            return _look_into(subject, db)
    except apsw.Error as error:
        problem = connection.explain(error, path)
        damaged = isinstance(error, (apsw.CorruptError, apsw.NotADBError))
        return [say.error(str(problem), problem.hint, subject.rebuilding() if damaged else None)]


def _look_into(subject: Subject, db: apsw.Connection) -> list[Finding]:
    say, path = Voice("database"), subject.layout.database
    version, application = int(db.pragma("user_version")), int(db.pragma("application_id"))
    if application != schema.APPLICATION_ID and (application or version):
        hint = "move it away; " + connection.REBUILD
        return [say.error(f"{path} is not a journal's database", hint)]
    if version > schema.VERSION:
        message = f"{path} has schema {version}, newer than this program's {schema.VERSION}"
        return [say.error(message, "upgrade agent-journal")]
    said = str(db.execute("pragma quick_check(1)").get)
    if said != "ok":
        message = f"{path} is damaged: {' '.join(said.split())}"
        return [say.error(message, connection.REBUILD, subject.rebuilding())]
    if version < schema.VERSION:
        return [say.ok(f"ok, schema {version}: the next sync upgrades it")]
    events = int(db.execute("select count(*) from events").get)
    size = path.stat().st_size / 1e6
    return [say.ok(f"ok: {count(events, 'event')}, {size:,.1f} MB, schema {version}")]


def look_at_backlog(subject: Subject) -> list[Finding]:
    """What the hooks recorded is synced soon."""
    say, found = Voice("backlog"), subject.condition
    if found.oldest_unsynced_us is None:
        return [say.ok("up to date")]
    age_us = subject.now_us - found.oldest_unsynced_us
    text = f"{found.unsynced_bytes:,} bytes not synced, the oldest from {_span(age_us)} ago"
    if age_us > (_UNWATCHED_US if found.watcher is None else _WATCHED_US):
        return [say.warning(text, "run: journal sync", subject.taking_in())]
    return [say.ok(text)]


def look_at_spool(subject: Subject) -> list[Finding]:
    """No record waits outside the home, and hooks could keep one there."""
    say, spool = Voice("spool"), subject.layout.spool
    found = list(_places(say, spool))
    if gone := subject.condition.lost.number:
        at = to_text(subject.condition.lost.last_us)[:19]
        message = f"{count(gone, 'record')} could not be written and are lost, the last at {at}Z"
        hint = "free space on the disks of the home and of $TMPDIR; --fix sets the count to 0"
        found.append(say.error(message, hint, subject.clearing_lost()))
    if not found and (number := subject.condition.spooled):
        places = ", ".join(str(folder) for folder in subject.layout.spools() if folder.is_dir())
        message = f"{count(number, 'record')} in {places}: the home could not be written"
        found.append(say.warning(message, "run: journal sync", subject.taking_in()))
    return found or [say.ok("empty")]


def _places(say: Voice, spool: Path) -> Iterator[Finding]:
    """The rules of hooks.emit.spool."""
    for place in (spool.parent, spool):
        if not os.path.lexists(place):
            continue
        status = place.lstat()
        private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
        if not private or status.st_uid != os.getuid():
            message = f"{place} is not a private folder of yours: hooks and sync do not use it"
            yield say.error(message, "look at what is in it, then remove it, or chmod 700")
            return


def look_at_dead(subject: Subject) -> list[Finding]:
    """Nothing was refused: no line, no bind, no piece for a remote."""
    say, found = Voice("refused"), subject.condition
    binds = found.memory_ids.refused
    lines = found.rejected - binds
    findings = []
    if lines > 0:
        message = f"{count(lines, 'line')} could not be read"
        findings.append(say.warning(message, f"kept with the reasons in {subject.layout.dead}"))
    if binds:
        message = f"{count(binds, 'bind')} of memory ids refused"
        findings.append(say.warning(message, f"see {subject.layout.dead / 'binds.jsonl'}"))
    if found.archive.dead:
        message = f"{count(found.archive.dead, 'piece')} for the remote given up"
        findings.append(say.warning(message, "to send again: journal replay --dead"))
    return findings or [say.ok("nothing")]


def look_at_redaction(subject: Subject) -> list[Finding]:
    """What is stored was redacted by the current rules."""
    say, found = Voice("redaction"), subject.condition
    if found.rules == OFF:
        return [say.ok("off (redact.enabled), nothing is redacted")]
    packs = [path for path in pack_files(subject.layout) if rules_of(path) != found.rules]
    older = [count(found.older_events, "event")] if found.older_events else []
    older += [count(len(packs), "pack")] if packs else []
    if older:
        message = f"{' and '.join(older)} redacted by older rules"
        return [say.warning(message, "run: journal redact --rescan")]
    return [say.ok("stored data matches the current rules")]


def look_at_clock(subject: Subject) -> list[Finding]:
    """No record is from the future, and the clock has not been set back."""
    say, now_us = Voice("clock"), subject.now_us
    last_us = _newest_us(subject)
    written_us = max(map(_modified_us, _written(subject)), default=0)
    if written_us > now_us + _CLOCK_US:
        message = f"the clock is {_span(written_us - now_us)} behind the newest file of the home"
        return [say.error(message, "set the clock: records are ordered by their times")]
    if last_us is not None and last_us > now_us + _CLOCK_US:
        message = f"the newest record is from the future: {to_text(last_us)[:19]}Z"
        hint = "the clock was wrong here, or on the machine where the record was made"
        return [say.warning(message, hint)]
    problem = clock.problem(subject.layout, now_us)
    return [say.warning(problem, clock.HINT)] if problem else [say.ok("ok")]


def _newest_us(subject: Subject) -> int | None:
    """The time of the newest event; None: there is none, or no database to ask."""
    path = subject.layout.database
    if not path.exists():
        return None
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as db:
            db.set_busy_timeout(connection.BUSY_MS)
            found: int | None = db.execute("select max(head_us) from session_states").get
            return found
    except apsw.Error:
        return None  # `look_at_database` says what is wrong


def _written(subject: Subject) -> Iterator[Path]:
    layout = subject.layout
    yield layout.synced
    yield layout.database
    for day in layout.day_names()[-1:]:
        yield from (Path(entry.path) for entry in layout.entries_of(day))


def _modified_us(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_mtime_ns // 1000
    return 0


def _span(span_us: int) -> str:
    minutes = span_us // (60 * SECOND_US)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"
