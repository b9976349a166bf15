"""What a database holds, in a form that does not depend on the order in which it came."""

from pathlib import Path
from typing import Any

import apsw

from journal.layout import Layout
from journal.settings import load_settings
from sync import cycle, facts

NOW_US = 1_795_050_000_000_000
PATIENT = {"JOURNAL_SESSIONS__REAP_AFTER_HOURS": "876000"}


def sync(home: Path, **more: Any) -> cycle.Report:
    """One local pass over a home, in which no session ends for its silence."""
    layout = Layout.at(home)
    return cycle.run(cycle.Pass(layout, load_settings(layout, PATIENT), NOW_US, **more))


def database(home: Path) -> apsw.Connection:
    """The home's database, for looking into."""
    return apsw.Connection(str(home / "journal.db"), flags=apsw.SQLITE_OPEN_READONLY)


def rows(home: Path, query: str, *values: Any) -> list[Any]:
    """The rows of a query."""
    db = database(home)
    found = db.execute(query, values).fetchall()
    db.close()
    return found


_VIEWS = {
    "sessions": """
        select agent, id, state, last_us, last_id, status, triggers, project, title, started_us,
          ended_us, events, prompts from session_states order by agent, id""",
    "prompts": """
        select e.id, p.by_person, s.id from prompts p join events e using (seq)
        join sessions s on s.key = p.session order by 1""",
    "observations": """
        select s.id, o.tool_use_id, o.tool, b.id, a.id, o.ok, o.repeats, o.digest, o.file,
          tb.id, ta.id, o.told_ok
        from observations o join sessions s on s.key = o.session
        left join events b on b.seq = o.before_seq left join events a on a.seq = o.after_seq
        left join events tb on tb.seq = o.told_before left join events ta on ta.seq = o.told_after
        order by 1, 2, 4, 5""",
    "said": """
        select e.id, w.digest, w.told, s.id from said w join events e using (seq)
        join sessions s on s.key = w.session order by 1""",
    "usage": """
        select s.agent, s.id, message, model, input, output, cache_read, cache_write
        from usage u join sessions s on s.key = u.session order by 1, 2, 3""",
    "summaries": """
        select s.agent, s.id, v.summary from summaries v
        join sessions s on s.key = v.session order by 1, 2""",
    "full_text": """
        select v.term, v.offset, iif(v.doc < 0, -1, v.doc % 8), e.id, s.id
        from temp.words v left join events e on v.doc > 0 and e.seq = v.doc / 8
        left join sessions s on s.key = -v.doc order by 4, 5, 3, 2, 1""",
    "events": """
        select e.id, s.agent, s.id, e.at_us, e.name, o.header, e.raw
        from events e join sessions s on s.key = e.session join origins o on o.key = e.origin
        order by 1""",
}


def views(home: Path) -> dict[str, list[Any]]:
    """Facts and views without the numbers that the database gave out."""
    db = apsw.Connection(str(home / "journal.db"))
    db.execute("create virtual table temp.words using fts5vocab(main, full_text, 'instance')")
    found: dict[str, list[Any]] = {
        name: db.execute(query).fetchall() for name, query in _VIEWS.items()
    }
    db.close()
    return found


def check(home: Path) -> None:
    """The database is whole, and no row of a view points at a fact that is not there."""
    assert rows(home, "pragma integrity_check") == [("ok",)]
    orphans = """
        select 'prompt' from prompts where seq not in (select seq from events)
        union all select 'observation' from observations
          where coalesce(before_seq, after_seq, told_before, told_after)
            not in (select seq from events)
        union all select 'said' from said where seq not in (select seq from events)
        union all select 'usage' from usage where session not in (select key from sessions)
        union all select 'state' from session_states where session not in (select key from sessions)
        union all select 'summary' from summaries where session not in (select key from sessions)
        union all select 'event' from events where session not in (select key from sessions)
        union all select 'origin' from events where origin not in (select key from origins)
        union all select 'use' from body_uses where seq not in (select seq from events)
        union all select 'body' from bodies where digest not in (select digest from body_uses)
    """
    assert rows(home, orphans) == []


def exported(home: Path) -> list[bytes]:
    """Every stored record as its line, in order."""
    db = database(home)
    lines = [event.line for event in facts.all_events(db)]
    db.close()
    return lines
