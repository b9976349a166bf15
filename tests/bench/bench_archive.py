"""The team archive: deliveries against one COPY, bytes per record, a search page at a million.

The yardstick is one COPY of the same lines and words into a table with the same key, tsvector and
GIN index; a bare COPY is shown for comparison. JOURNAL_BENCH_RECORDS changes the million.
"""

import hashlib
import json
import os
import random
import re
import statistics
import time
import uuid
from contextlib import closing
from itertools import accumulate
from pathlib import Path

import psutil
import psycopg

from bench_table import Row
from journal.layout import Layout
from journal.record import record
from journal.settings import sections
from postgres_server import ADMINISTRATOR, GROUP, PASSWORD, Server
from sync.query.candidates import Query
from sync.query.filters import Filters, Wanted
from sync.query.terms import parse
from sync.remote.contract import Heading, Material, Piece
from sync.remote.postgres import piece
from sync.remote.postgres.remote import Postgres, archive_id
from sync.team_archive import administration
from sync.team_archive.archive import Archive
from sync.team_archive.search import search

SESSIONS, RECORDS = 200, 100  # delivered
MILLION = int(os.environ.get("JOURNAL_BENCH_RECORDS", "1000000"))
LEAST_OF_COPY = 0.3
BYTES = 2.0
PAGE_SECONDS = 0.3
TRIES = 3
WORDS = [f"{a}{b}{c}" for a in ("ra", "mo", "ki", "te", "lu", "sa", "no", "vi", "pe", "du")
         for b in ("ber", "lin", "tor", "mar", "sen", "gol", "fin", "pas", "kel", "run")
         for c in ("a", "o", "is", "um", "en", "ax", "or", "it", "el", "un")]  # fmt: skip
ENVIRON = {"TOKEN": PASSWORD}
_MORE_SESSIONS = """
insert into agent_journal.sessions (owner, key, agent, id, home, host, project, project_name, cwd,
  branch, state, triggers, title, started_us, last_us, events, prompts, shown, words)
select case when n %% 10 = 0 then 'ben' else 'ada' end, gen_random_uuid(), 'claude-code', 'g' || n,
  'home', 'h', 'p' || n %% 20, 'p' || n %% 20, '/p', '', 'idle', 'attended_prompt', 't',
  %(start)s + n::bigint * 1000, %(start)s + n::bigint * 1000, 100, 100,
  (select shown from agent_journal.sessions limit 1), ''
from generate_series(1, %(sessions)s) n
returning owner, number
"""
_COPY = "copy agent_journal.records (owner, id, session, at_us, kinds, line, words) from stdin"
_INDEX = """
select indexdef from pg_indexes where schemaname = 'agent_journal' and indexname = %s
"""


def measure(scratch: Path) -> list[Row]:
    """All of it, with a server of its own that writes to the disk as usual."""
    with closing(Server(durable=True)) as server:
        return _rows(server, scratch)


def _rows(server: Server, scratch: Path) -> list[Row]:
    database = server.database()
    settings = _settings(server, database, ADMINISTRATOR)
    layout = Layout.at(scratch)
    administration.init(layout, settings, ENVIRON)
    with server.connect(ADMINISTRATOR, database) as connection:
        connection.execute(f"grant {GROUP} to ada, ben")
    pieces = [_piece(number) for number in range(SESSIONS)]
    mine = _settings(server, database, "ada")
    delivered = _delivered(mine, pieces)
    indexed, bare = _copied(server, database, pieces)
    ratio = _bytes(server, database)
    _generate(server, database)
    page, busy = _search(server, database, layout)
    count = SESSIONS * RECORDS
    speed = f"{count / delivered:,.0f} records/s"
    return [
        Row("one COPY, same key and indexes", f"{count / indexed:,.0f} records/s"),
        Row("a bare COPY", f"{count / bare:,.0f} records/s"),
        Row("delivered", speed, indexed / delivered, LEAST_OF_COPY, True, "the COPY with indexes"),
        Row("a record with its indexes", f"{ratio:.2f} bytes a byte", ratio, BYTES, against="JSON"),
        Row(
            f"search page, {MILLION:,} records", f"{page * 1000:.0f} ms", page / PAGE_SECONDS, 1,
            against=f"{PAGE_SECONDS * 1000:.0f} ms",
        ),
        Row("its processor time, also the server's", f"{busy * 1000:.0f} ms"),
    ]  # fmt: skip


def _settings(server: Server, database: str, role: str) -> sections.Remote:
    url = server.url(database, role)
    fields = {"kind": "postgres", "url": url, "token_env": "TOKEN", "timeout_seconds": 600.0}
    return sections.Remote.model_validate(fields)


def _piece(number: int) -> Piece:
    chance = random.Random(number)
    session = f"session-{number}"
    lines = [_line(session, chance, at) for at in range(RECORDS)]
    row = {
        "agent": "claude-code", "session": session, "project": "p", "project_key": "p",
        "cwd": "/p", "branch": "", "host": "h", "state": "idle", "title": "t",
        "triggers": "attended_prompt", "events": RECORDS, "prompts": RECORDS,
        "started_at": "2026-01-01T00:00:00Z", "last_active_at": "2026-01-01T00:00:00Z",
        "ended_at": None,
    }  # fmt: skip
    heading = Heading("claude-code", session, "h", 1, "t", 1, "p", None, None, row)
    body = piece.render(heading, Material(lines, [], [1] * RECORDS))
    digest = hashlib.sha256(body).hexdigest()
    return Piece("claude-code", session, "h", 1, "t", 1, digest, body)


def _line(session: str, chance: random.Random, at: int) -> bytes:
    text = " ".join(chance.choice(WORDS) for _ in range(40))
    fields = {  # as a hook of Claude Code is given it: about 0.8 kB with the header
        "session_id": session, "cwd": "/home/dev/code/billing-api", "permission_mode": "default",
        "transcript_path": f"/home/dev/.claude/projects/-home-dev-code-billing-api/{session}.jsonl",
        "hook_event_name": "UserPromptSubmit", "prompt": text,
    }  # fmt: skip
    payload = json.dumps(fields).encode()
    unique = uuid.UUID(int=chance.getrandbits(128)).bytes
    made = record.Record(
        unique, 1_767_225_600_000_000 + at, "claude-code", "UserPromptSubmit", session,
        {"host": "h", "pid": 1, "entrypoint": "cli"}, payload, raw=False,
    )  # fmt: skip
    return record.dump(made)


def _delivered(settings: sections.Remote, pieces: list[Piece]) -> float:
    """Seconds; redaction and files of the home are measured by bench_remote."""
    known = archive_id(settings, ENVIRON, 30)
    remote = Postgres(settings, known, "home", ENVIRON, {}, lambda: None, lambda _: None)
    began = time.perf_counter()
    step = remote.batch_pieces
    for start in range(0, len(pieces), step):
        remote.deliver_many([(one, {}) for one in pieces[start : start + step]], 600)
    seconds = time.perf_counter() - began
    remote.close()
    return seconds


def _copied(server: Server, database: str, pieces: list[Piece]) -> tuple[float, float]:
    parsed = [row for one in pieces for row in piece.parse(one.body).records]
    rows = [(uuid.UUID(bytes=row.id), row.line, row.words) for row in parsed]
    vectors = [" ".join(f"'{word}'" for word in words.split()) for _, _, words in rows]
    with server.superuser(database) as connection:
        connection.execute("create table bare (id uuid, line bytea)")
        connection.execute(
            "create table yardstick (id uuid primary key, line bytea, words tsvector)"
        )
        connection.execute("create index on yardstick using gin (words) with (fastupdate = off)")
        began = time.perf_counter()
        with connection.cursor().copy("copy yardstick from stdin") as copy:
            for (unique, line, _), vector in zip(rows, vectors, strict=True):
                copy.write_row((unique, line, vector))
        indexed = time.perf_counter() - began
        began = time.perf_counter()
        with connection.cursor().copy("copy bare from stdin") as copy:
            for unique, line, _ in rows:
                copy.write_row((unique, line))
        return indexed, time.perf_counter() - began


def _bytes(server: Server, database: str) -> float:
    query = """
        select pg_total_relation_size('agent_journal.records')::float8
          / (select sum(octet_length(line)) from agent_journal.records)
    """
    with server.superuser(database) as connection:
        return float(_one(connection, query))


def _search(server: Server, database: str, layout: Layout) -> tuple[float, float]:
    """The slowest of some searches (rare words, common ones, two of them): seconds, and of a CPU.

    Of each the median of some tries counts, as a page is asked for again and again.

    Ada has nine tenths of the sessions, Ben one; each is also asked for one of 20 projects.
    """
    slowest = most = 0.0
    wanted = (Filters(), Filters(project="p7"))
    for role in ("ada", "ben"):
        with Archive(layout, _settings(server, database, role), ENVIRON) as archive:
            server_pid = archive.rows("select pg_backend_pid()")[0][0]
            for words in (
                WORDS[-1],
                WORDS[0],
                f"{WORDS[3]} {WORDS[400]}",
                f"{WORDS[1]}*",
                "absent",
            ):
                for filters in wanted:
                    query = Query(parse(words), Wanted(filters))
                    tries = [_page(archive, query, server_pid) for _ in range(TRIES)]
                    slowest = max(slowest, statistics.median(seconds for seconds, _ in tries))
                    most = max(most, statistics.median(busy for _, busy in tries))
    return slowest, most


def _page(archive: Archive, query: Query, server_pid: int) -> tuple[float, float]:
    began, busy = time.perf_counter(), _busy(server_pid)
    search(archive, query)
    return time.perf_counter() - began, _busy(server_pid) - busy


def _busy(server_pid: int) -> float:
    """Seconds of processor time that this process and the server's for us have used."""
    times = psutil.Process(server_pid).cpu_times()
    return time.process_time() + times.user + times.system


def _generate(server: Server, database: str) -> None:
    """MILLION records in sessions of 100, some words in most of them and others in few."""
    chance = random.Random("generated")
    line = _line("session-0", chance, 0).decode().rstrip()
    before, _, after = re.split(r'(?<="prompt": ")([^"]*)', line)
    weights = list(accumulate((n + 1) ** -0.5 for n in range(len(WORDS))))
    start_us = 1_700_000_000_000_000
    with server.superuser(database) as connection:
        asked = {"start": start_us, "sessions": max(1, MILLION // 100)}
        sessions = connection.execute(_MORE_SESSIONS, asked).fetchall()
        index = str(_one(connection, _INDEX, "records_by_words"))
        connection.execute("drop index agent_journal.records_by_words")  # quicker made at the end
        with connection.cursor().copy(_COPY) as copy:
            for number in range(MILLION):
                owner, session = sessions[number // 100 % len(sessions)]
                picked = chance.choices(WORDS, cum_weights=weights, k=40)
                data = f"{before}{' '.join(picked)}{after}".encode()
                unique = uuid.UUID(int=chance.getrandbits(128))
                words = " ".join(dict.fromkeys(picked))
                copy.write_row((owner, unique, session, start_us + number * 1000, 1, data, words))
        connection.execute(index)
        connection.execute("vacuum analyze agent_journal.records")
        connection.execute("vacuum analyze agent_journal.sessions")


def _one(
    connection: "psycopg.Connection[tuple[object, ...]]", query: str, *values: object
) -> object:
    row = connection.execute(query, values or None).fetchone()
    assert row is not None
    return row[0]
