"""How old a record is: which of the files that a session worked on were changed since."""

import os
from typing import NamedTuple

import apsw

from sync.query.listing import Session

_MOST_FILES = 200
_SLACK_US = 2_000_000  # a hook reports an edit a moment after it
_FILES = "select distinct file from items where session = ? and file is not null limit ?"


class Age(NamedTuple):
    """Of the files that a session read or changed: how many, changed since, gone by now."""

    files: int
    changed: int
    gone: int

    def __str__(self) -> str:
        """In words; empty if the session named no file."""
        if not self.files:
            return ""
        if not (self.changed or self.gone):
            return f"none of its {self.files} files changed since"
        said = f"{self.changed} of its {self.files} files changed since"
        return said + (f", {self.gone} gone" if self.gone else "")


def of(db: apsw.Connection, session: Session) -> Age | None:
    """The age of a session's files; None: they are on another machine."""
    if session.host != os.uname().nodename:
        return None
    changed = gone = files = 0
    for (path,) in db.execute(_FILES, (session.key, _MOST_FILES)):
        files += 1
        try:
            status = os.stat(os.path.join(session.cwd, path))  # noqa: PTH116, PTH118
            changed += status.st_mtime_ns // 1000 > session.last_us + _SLACK_US
        except (OSError, ValueError):
            gone += 1
    return Age(files, changed, gone)
