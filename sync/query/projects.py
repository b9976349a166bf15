"""The projects that have sessions, the one with the newest activity first."""

from typing import NamedTuple

import apsw

from sync.query.filters import Wanted

_PROJECTS = """
select s.project, max(s.project_name), max(s.cwd), count(*), sum(s.prompts), min(s.started_us),
  max(s.last_us), sum(s.status = 'awaiting'), sum(s.status = 'working')
from session_states s where {} group by s.project order by max(s.last_us) desc
"""


class Project(NamedTuple):
    """A project and how its sessions are. Times are microseconds since 1970."""

    key: str
    name: str
    sessions: int
    prompts: int
    first_us: int
    last_us: int
    awaiting: int
    working: int


def projects(db: apsw.Connection, wanted: Wanted) -> list[Project]:
    """Every project of these sessions."""
    condition, values = wanted.sql()
    return [
        Project(key, name or cwd, *rest)
        for key, name, cwd, *rest in db.execute(_PROJECTS.format(condition), values)
    ]
