"""Which sessions a question is about, as SQL over `sessions s` of the archive.

The same filters as those of the home (sync/query/filters.py), and `owner`.
"""

from collections.abc import Sequence
from typing import Any

from sync.query.filters import Wanted

_FOLDER = """(s.project in (%s, %s) or (starts_with(s.project, %s)
  and (s.cwd = %s or starts_with(s.cwd, %s))))"""


def sql(wanted: Wanted, owner: str = "") -> tuple[str, list[Any]]:
    """A condition and its parameters."""
    filters = wanted.filters
    parts: list[tuple[str, Sequence[Any]]] = [("true", ())]
    if owner:
        parts.append(("s.owner = %s", (owner,)))
    if filters.adopt_on is not None:
        parts.append(("string_to_array(s.triggers, ' ') && %s::text[]", (list(filters.adopt_on),)))
    if filters.project:
        names = "(lower(s.project_name) = lower(%s) or s.project in (%s, 'git:' || %s))"
        parts.append((names, (filters.project,) * 3))
    if filters.host:
        parts.append(("lower(s.host) = lower(%s)", (filters.host,)))
    equal = {"branch": filters.branch, "state": filters.state, "agent": filters.agent}
    parts += [(f"s.{column} = %s", (value,)) for column, value in equal.items() if value]
    for folder in wanted.folders:
        below = folder.top.rstrip("/") + "/"
        parts.append((_FOLDER, (folder.key, folder.own, folder.paths, folder.top, below)))
    if wanted.since_us is not None:
        parts.append(("s.last_us >= %s", (wanted.since_us,)))
    if wanted.until_us is not None:
        parts.append(("s.last_us < %s", (wanted.until_us,)))
    text = " and ".join(condition for condition, _ in parts)
    return text, [value for _, values in parts for value in values]
