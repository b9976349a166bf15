"""Filters that no record matches: they are mistyped more often than meant."""

from collections.abc import Iterator
from difflib import get_close_matches

import apsw

from journal.printable import one_line
from sync.query.filters import Calls, Filters, Wanted

_SHOWN = 5
_VALUES = {
    "project": "select distinct project_name from session_states where project_name <> ''",
    "branch": "select distinct branch from session_states where branch <> ''",
    "agent": "select distinct agent from session_states",
    "host": "select distinct host from session_states where host <> ''",
    "tool": "select distinct tool from observations",
    "file": "select distinct file from observations where file is not null",
}


def unknown(db: apsw.Connection, wanted: Wanted, calls: Calls | None = None) -> Iterator[str]:
    """A sentence for each filter that nothing recorded matches, with the values that are near."""
    filters = wanted.filters
    for name in ("project", "branch", "agent", "host"):
        if value := getattr(filters, name):
            condition, values = Filters(**{name: value}).sql()
            query = f"select 1 from session_states s where {condition} limit 1"
            if not db.execute(query, values).get:
                yield _sentence(db, name, value)
    for folder in wanted.folders:
        condition, values = folder.sql()
        query = f"select 1 from session_states s where {condition} limit 1"
        if not db.execute(query, values).get:
            yield f"no session was recorded in {one_line(folder.top)}"
    if calls is not None:
        yield from _unknown_calls(db, calls)


def _unknown_calls(db: apsw.Connection, calls: Calls) -> Iterator[str]:
    query = (
        "select 1 from observations o join session_states s on s.session = o.session"
        " where {} limit 1"
    )
    if calls.tool:
        condition, values = Calls(calls.tool).sql()
        if not db.execute(query.format(condition), values).get:
            yield _sentence(db, "tool", calls.tool)
    if calls.file is not None:
        condition, values = Calls("", calls.file).sql()
        if not db.execute(query.format(condition), values).get:
            paths = calls.file.paths
            yield _sentence(db, "file", calls.file.tail or (paths[0] if paths else ""))


def _sentence(db: apsw.Connection, name: str, value: str) -> str:
    """`no session has the project 'biling-api' (did you mean billing-api?)`."""
    known = [str(one) for (one,) in db.execute(_VALUES[name])]
    if name == "file":
        known = [path.rpartition("/")[2] for path in known]
        value = value.rpartition("/")[2]
    of_low = {one.lower(): one for one in known}
    close = [of_low[low] for low in get_close_matches(value.lower(), of_low, n=3, cutoff=0.6)]
    what = "no call has" if name in ("tool", "file") else "no session has"
    said = f"{what} the {name} {one_line(value)[:80]!r}"
    if close:
        return f"{said} (did you mean {' or '.join(map(one_line, close))}?)"
    if name == "file" or not known:
        return said
    some = ", ".join(one_line(one) for one in sorted(known)[:_SHOWN])
    return f"{said} (there is: {some}{', …' * (len(known) > _SHOWN)})"
